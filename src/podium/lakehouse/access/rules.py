"""The schema of ``conf/base/access.yml``: roles, their members, and their rights in each environment."""

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
# The role that everybody has. access.yml neither declares it nor lists its members.
ANYONE = "anyone"
FILE = "conf/base/access.yml"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _zones(value: Any) -> tuple[str, ...]:
    """Validate zones and put them in the order of ZONES. ``all`` stands for all of them."""
    if value == "all":
        return ZONES
    if not isinstance(value, list | tuple):
        raise ValueError(f"give a list of zones, or the word all; zones are {', '.join(ZONES)}")
    for name in value:
        if name not in ZONES:
            raise ValueError(f"there is no zone {name!r}{did_you_mean(str(name), ZONES)}; zones are {', '.join(ZONES)}")
    return tuple(zone for zone in ZONES if zone in value)


Zones = Annotated[tuple[str, ...], BeforeValidator(_zones)]


class _RuleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_RuleModel):
    """A declared role: who has it, and its group in Unity Catalog.

    Attributes:
        about: who has the role, in a few words.
        group: the account group in Unity Catalog for the role. Defaults to the role's name.
    """

    about: str
    group: str | None = Field(None, min_length=1)


class Rights(_RuleModel):
    """The zones that a role may read and write. ``all`` stands for every zone.

    Attributes:
        read: zones that the role may read.
        write: zones that the role may write.
    """

    read: Zones = ()
    write: Zones = ()


class Mask(_RuleModel):
    """A column that is masked for principals without the right to its clear values.

    Attributes:
        column: the name of the column, in any case. The column must hold text.
        kind: columns of the same kind get the same masks, so they can be joined. Defaults to the column's name.
        zones: the zones in which the column is masked.
    """

    column: str = Field(min_length=1)
    kind: str | None = Field(None, pattern=NAME)
    zones: Zones


class EnvironmentRules(_RuleModel):
    """The rules of one environment: rights, unmasked roles, and whether it may generate a mask key.

    Attributes:
        rights: role -> the zones that it may read and write. ``anyone`` stands for everybody.
        unmasked: the roles that read clear values.
        own_key: whether the environment may generate a mask key if none is given. Any user who can read the data
            folder can read that key.
    """

    rights: dict[str, Rights]
    unmasked: tuple[str, ...] = ()
    own_key: bool = False


@dataclass(frozen=True)
class Allowed:
    """Rights in an environment: the zones to read, the zones to write, and whether reads are unmasked."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    clear: bool = False

    def __and__(self, other: Allowed) -> Allowed:
        """The rights that both operands contain."""
        return Allowed(self.read & other.read, self.write & other.write, self.clear and other.clear)

    def __or__(self, other: Allowed) -> Allowed:
        """The rights that at least one operand contains."""
        return Allowed(self.read | other.read, self.write | other.write, self.clear or other.clear)

    def to(self, verb: Verb) -> frozenset[str]:
        """The zones to read or the zones to write, depending on the verb."""
        return self.read if verb == "read" else self.write


class AccessRules(_RuleModel):
    """The access rules of all environments.

    Attributes:
        roles: role -> its description.
        owner: the role of the OS user who owns the project's folder. It counts for local storage, until members are
            listed.
        members: principal (OS user or Databricks user) -> roles. A principal that is not listed has only ``anyone``.
        masks: the columns to mask.
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
            wrong.append(f"roles.{ANYONE}: everybody has this role, so it must not be declared; remove it")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _one_mask_for_a_column(self) -> AccessRules:
        seen: set[tuple[str, str]] = set()
        for mask in self.masks:
            here = {(mask.column.lower(), zone) for zone in mask.zones}
            if both := seen & here:
                zones = ", ".join(sorted(zone for _, zone in both))
                raise ValueError(f"masks: {mask.column} is masked twice in {zones}; remove one of the masks")
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
            PodiumError: the file has no rules for the environment.
        """
        if env not in self.environments:
            raise PodiumError(
                f"{FILE} has no rules for the environment {env!r}{did_you_mean(env, self.environments)}, so nobody may "
                f"read or write there. Add environments.{env}."
            )
        return self.environments[env]

    def allowed(self, env: str, roles: Iterable[str]) -> Allowed:
        """The combined rights of the given roles and of ``anyone`` in an environment."""
        rules, found = self.of(env), Allowed()
        for role in {*roles, ANYONE}:
            rights = rules.rights.get(role, Rights())
            found |= Allowed(frozenset(rights.read), frozenset(rights.write), role in rules.unmasked)
        return found

    def masked_columns(self, zone: str) -> dict[str, str]:
        """Map the name of each masked column of a zone, in lower case, to the kind of its mask."""
        return {mask.column.lower(): mask.kind or mask.column.lower() for mask in self.masks if zone in mask.zones}

    def holders(self, env: str, verb: Verb, zone: str) -> list[str]:
        """The roles that may read or write a zone."""
        return [role for role in self.roles if zone in self.allowed(env, [role]).to(verb)]

    def group(self, role: str) -> str:
        """The account group in Unity Catalog for a role."""
        return self.roles[role].group or role


def read_rules(raw: Mapping[str, Any]) -> AccessRules:
    """Validate and return the access rules. The error lists every mistake."""
    try:
        return AccessRules.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as wrong:
        lines = error_lines(wrong, AccessRules)
        raise PodiumError(f"{FILE} is invalid, nothing was run:\n  " + "\n  ".join(lines)) from wrong
