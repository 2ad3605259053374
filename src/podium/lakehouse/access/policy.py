"""The access policy of a process: environment, rules, principal and mask key, read from the project's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kedro.config import AbstractConfigLoader, MissingConfigException

from podium.errors import PodiumError
from podium.lakehouse.credentials import read_credentials

from .keys import MaskKey, given_key
from .principal import Caller, databricks_user, os_user, owns, roles_of
from .rules import FILE, AccessRules, Allowed, read_rules

__all__ = ["Policy", "load_policy"]


@dataclass(frozen=True)
class Policy:
    """The data that decide whether a read or write is allowed.

    Attributes:
        env: the environment of this process.
        rules: the rules in ``access.yml``.
        caller: the principal of this process.
        roots: environment -> root of its tables, for the environments that this one knows.
        key: the mask key.
    """

    env: str
    rules: AccessRules
    caller: Caller
    roots: Mapping[str, str]
    key: MaskKey = field(default_factory=MaskKey, repr=False)

    def is_local(self, env: str) -> bool:
        """Whether an environment's tables are in a folder of this machine."""
        return Path(self.roots.get(env, "")).is_absolute()

    def roles(self, name: str, env: str) -> tuple[str, ...]:
        """The roles of a principal in an environment, without ``anyone``, which every principal has."""
        mine = self.caller.owner and not self.rules.members and name == self.caller.name() and self.is_local(env)
        return roles_of(self.rules, name, owner=mine)

    def allowed(self, env: str, names: tuple[str, ...] | None = None) -> Allowed:
        """The rights that all named principals share in an environment. Defaults to the principals of this process."""
        first, *others = [self.rules.allowed(env, self.roles(name, env)) for name in names or self.caller.names()]
        for other in others:
            first &= other
        return first


def load_policy(loader: AbstractConfigLoader, env: str, project: Path, *, databricks: bool = False) -> Policy:
    """Read the policy from a project's configuration.

    Args:
        loader: the config loader of the run, with ``access`` among its patterns.
        env: the environment of the run.
        project: the project's folder. Its owner gets the owner's role as long as no members are listed.
        databricks: whether the engine is Databricks, whose session knows the user.

    Raises:
        PodiumError: the rules are wrong or missing, or the key is too short.
    """
    try:
        rules = read_rules(loader["access"])
    except MissingConfigException as missing:
        raise PodiumError(
            f"There is no access.yml in {loader.conf_source}, so nobody may read or write. Restore {FILE}."
        ) from missing
    settings = loader["globals"]
    own = Path(settings["local"], "mask.key") if rules.of(env).own_key else None
    return Policy(
        env=env,
        rules=rules,
        caller=Caller(databricks_user if databricks else os_user, owner=owns(project)),
        roots={**settings.get("elsewhere", {}), env: settings["root"]},
        key=MaskKey(given_key(read_credentials(loader)), own),
    )
