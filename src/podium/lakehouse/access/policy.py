"""The policy of a process: its environment, the rules, who asks, and the key; read from the project's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kedro.config import AbstractConfigLoader, MissingConfigException

from podium.errors import PodiumError
from podium.lakehouse.credentials import read_credentials

from .keys import MaskKey, given_key
from .principal import Caller, databricks_user, os_user, owns, roles_of
from .rules import AccessRules, Allowed, read_rules

__all__ = ["Policy", "load_policy"]


@dataclass(frozen=True)
class Policy:
    """What decides whether somebody may do something.

    Attributes:
        env: the environment of this process.
        rules: what ``access.yml`` says.
        caller: who asks.
        roots: environment -> where its tables are, as far as this one knows.
        key: the key of the masks.
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
        """The roles that a principal has in an environment, besides ``anyone``."""
        mine = self.caller.owner and not self.rules.members and name == self.caller.name() and self.is_local(env)
        return roles_of(self.rules, name, owner=mine)

    def allowed(self, env: str, names: tuple[str, ...] | None = None) -> Allowed:
        """What all of these principals may do there; without names, whoever asks."""
        first, *others = [self.rules.allowed(env, self.roles(name, env)) for name in names or self.caller.names()]
        for other in others:
            first &= other
        return first


def load_policy(loader: AbstractConfigLoader, env: str, project: Path, *, databricks: bool = False) -> Policy:
    """The policy that a project's configuration gives.

    Args:
        loader: the configuration as a run reads it, with ``access`` among its patterns.
        env: the environment of the run.
        project: the project's folder; its owner counts while no members are listed.
        databricks: whether the engine is that of Databricks, whose session knows who the user is.

    Raises:
        PodiumError: the rules are wrong or missing, or the key is too short.
    """
    try:
        rules = read_rules(loader["access"])
    except MissingConfigException as missing:
        raise PodiumError(f"There is no access.yml under {loader.conf_source}: nobody may read or write.") from missing
    settings = loader["globals"]
    own = Path(settings["local"], "mask.key") if rules.of(env).own_key else None
    return Policy(
        env=env,
        rules=rules,
        caller=Caller(databricks_user if databricks else os_user, owner=owns(project)),
        roots={**settings.get("elsewhere", {}), env: settings["root"]},
        key=MaskKey(given_key(read_credentials(loader)), own),
    )
