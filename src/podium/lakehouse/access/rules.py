"""What ``conf/base/access.yml`` may say: roles, who has them, and what each may read and write in each environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from podium.errors import PodiumError, did_you_mean
from podium.validation import error_lines

__all__ = ["ANYONE", "FILE", "ZONES", "AccessRules", "Allowed", "Verb", "read_rules"]

Verb = Literal["read", "write"]
ZONES = ("bronze", "quarantine", "features", "training_sets", "predictions", "monitoring", "registry")
# Everybody has this role; it cannot be given or taken.
ANYONE = "anyone"
FILE = "conf/base/access.yml"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _zones(value: Any) -> tuple[str, ...]:
    """Zones in the order of the house; ``all`` is every one of them."""
    if value == "all":
        return ZONES
    if not isinstance(value, list | tuple):
        raise ValueError(f"give a list of zones, or all: {', '.join(ZONES)}")
    for name in value:
        if name not in ZONES:
            raise ValueError(f"there is no zone {name!r}{did_you_mean(str(name), ZONES)}; there are {', '.join(ZONES)}")
    return tuple(zone for zone in ZONES if zone in value)


Zones = Annotated[tuple[str, ...], BeforeValidator(_zones)]


class _RuleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_RuleModel):
    """A role: what its people do.

    Attributes:
        about: who has it, in a few words.
        group: the account group of Unity Catalog that stands for it; by default it is called like the role.
    """

    about: str
    group: str | None = Field(None, min_length=1)


class Rights(_RuleModel):
    """The zones that a role may read and write; ``all`` is every zone.

    Attributes:
        read: zones to read.
        write: zones to write.
    """

    read: Zones = ()
    write: Zones = ()


class Mask(_RuleModel):
    """A column that is read masked, by whoever is not entitled to its clear values.

    Attributes:
        column: the name of the column, whatever its case; it must hold text.
        kind: columns of one kind are masked alike, so that they still join; by default it is the column's name.
        zones: where the column is masked.
    """

    column: str = Field(min_length=1)
    kind: str | None = Field(None, pattern=NAME)
    zones: Zones


class EnvironmentRules(_RuleModel):
    """The rules of one environment.

    Attributes:
        rights: role -> what it may read and write. ``anyone`` stands for everybody.
        unmasked: the roles that read clear values.
        own_key: whether masks may use a key that is made here when none is given. Such a key is no secret to whoever
            can read the data folder.
    """

    rights: dict[str, Rights]
    unmasked: tuple[str, ...] = ()
    own_key: bool = False


@dataclass(frozen=True)
class Allowed:
    """What somebody may do in an environment: zones to read, zones to write, and whether values are clear."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    clear: bool = False

    def __and__(self, other: Allowed) -> Allowed:
        """What both may do."""
        return Allowed(self.read & other.read, self.write & other.write, self.clear and other.clear)

    def __or__(self, other: Allowed) -> Allowed:
        """What either may do."""
        return Allowed(self.read | other.read, self.write | other.write, self.clear or other.clear)

    def to(self, verb: Verb) -> frozenset[str]:
        """The zones for a verb."""
        return self.read if verb == "read" else self.write


class AccessRules(_RuleModel):
    """All rules.

    Attributes:
        roles: role -> who has it.
        owner: the role of the OS user who owns the project's folder, in local storage, until members are listed.
        members: principal (OS user, or user of Databricks) -> roles. Who is not listed is ``anyone``.
        masks: the columns that are read masked.
        environments: environment -> its rules.
    """

    roles: dict[Annotated[str, Field(pattern=NAME)], Role]
    owner: str
    members: dict[str, tuple[str, ...]] = {}
    masks: tuple[Mask, ...] = ()
    environments: dict[str, EnvironmentRules]

    @model_validator(mode="after")
    def _roles_exist(self) -> AccessRules:
        wrong = [
            f"{where}: there is no role {role!r}{did_you_mean(role, self.roles)}"
            for where, role in self._mentioned()
            if role not in self.roles
        ]
        if ANYONE in self.roles:
            wrong.append(f"roles.{ANYONE}: everybody has this role; it is not declared")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _one_mask_for_a_column(self) -> AccessRules:
        seen: set[tuple[str, str]] = set()
        for mask in self.masks:
            here = {(mask.column.lower(), zone) for zone in mask.zones}
            if both := seen & here:
                raise ValueError(f"masks: {mask.column} is masked twice in {', '.join(sorted(z for _, z in both))}")
            seen |= here
        return self

    def _mentioned(self) -> Iterator[tuple[str, str]]:
        yield "owner", self.owner
        yield from ((f"members.{name}", role) for name, roles in self.members.items() for role in roles)
        for env, rules in self.environments.items():
            yield from ((f"environments.{env}.rights", role) for role in rules.rights if role != ANYONE)
            yield from ((f"environments.{env}.unmasked", role) for role in rules.unmasked if role != ANYONE)

    def of(self, env: str) -> EnvironmentRules:
        """The rules of an environment.

        Raises:
            PodiumError: the file has no section for it; nobody may do anything there.
        """
        if env not in self.environments:
            raise PodiumError(
                f"{FILE} has no rules for the environment {env!r}{did_you_mean(env, self.environments)}, so nobody may "
                f"read or write there. Add environments.{env}."
            )
        return self.environments[env]

    def allowed(self, env: str, roles: Iterable[str]) -> Allowed:
        """What somebody with these roles may do; everybody is ``anyone``, too."""
        rules, found = self.of(env), Allowed()
        for role in {*roles, ANYONE}:
            rights = rules.rights.get(role, Rights())
            found |= Allowed(frozenset(rights.read), frozenset(rights.write), role in rules.unmasked)
        return found

    def masked_columns(self, zone: str) -> dict[str, str]:
        """Column (in lower case) -> kind, for the columns that are masked in a zone."""
        return {mask.column.lower(): mask.kind or mask.column.lower() for mask in self.masks if zone in mask.zones}

    def holders(self, env: str, verb: Verb, zone: str) -> list[str]:
        """The roles that may do that."""
        return [role for role in self.roles if zone in self.allowed(env, [role]).to(verb)]

    def group(self, role: str) -> str:
        """What Unity Catalog calls a role."""
        return self.roles[role].group or role


def read_rules(raw: Mapping[str, Any]) -> AccessRules:
    """The rules in a configuration, all that is wrong with it in one error."""
    try:
        return AccessRules.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as wrong:
        lines = error_lines(wrong, AccessRules)
        raise PodiumError(f"{FILE} is wrong, nothing was run:\n  " + "\n  ".join(lines)) from wrong
