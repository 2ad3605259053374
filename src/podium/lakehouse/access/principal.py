"""Who asks: the user of Databricks or of the operating system, and what ``PODIUM_PRINCIPAL`` narrows that to."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from podium.lakehouse import engine

from .rules import AccessRules

__all__ = ["NARROW", "Caller", "databricks_user", "on_databricks", "os_user", "owns", "roles_of"]

# A variable that anybody can set must not widen what anybody may do: both it and the real user must be allowed.
NARROW = "PODIUM_PRINCIPAL"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        name: gives the principal's name; asked when it is first needed, as Databricks needs a session for it.
        owner: whether this is the OS user who owns the project's folder.
    """

    name: Callable[[], str]
    owner: bool

    def names(self) -> tuple[str, ...]:
        """The principal, and the one that it is narrowed to, if any. What counts is what all of them may do."""
        own, narrowed = self.name(), os.environ.get(NARROW, "")
        return (own, narrowed) if narrowed and narrowed != own else (own,)


def roles_of(rules: AccessRules, name: str, *, owner: bool) -> tuple[str, ...]:
    """The roles of a principal; ``owner`` says whether it owns the project's folder, and the storage is local."""
    if rules.members:
        return rules.members.get(name, ())
    return (rules.owner,) if owner else ()


def os_user() -> str:
    """The user of this process, from its number: variables such as USER and LOGNAME say what they are told."""
    try:
        import pwd
    except ImportError:  # Windows
        import getpass

        return getpass.getuser()
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user may have a number only
        return f"uid-{os.geteuid()}"


def on_databricks(settings: engine.EngineSettings) -> bool:
    """Whether this engine's session is one of Databricks."""
    return settings.on_databricks


@cache
def databricks_user() -> str:
    """The user of the engine's session, as Databricks knows it."""
    return str(engine.session().sql("SELECT current_user()").collect()[0][0])


def owns(folder: Path) -> bool:
    """Whether the user of this process owns a folder; where systems know no owner by number, nobody does."""
    return hasattr(os, "geteuid") and folder.stat().st_uid == os.geteuid()
