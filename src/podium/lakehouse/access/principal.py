"""The principal: the Databricks or OS user. ``PODIUM_PRINCIPAL`` can take rights away from it, but not add any."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from podium.lakehouse import engine

from .rules import AccessRules

__all__ = ["NARROW", "Caller", "databricks_user", "on_databricks", "os_user", "owns", "roles_of"]

# Anybody can set this variable, so it must not add rights: an action needs the rights of both the principal it names
# and the real user.
NARROW = "PODIUM_PRINCIPAL"


@dataclass(frozen=True)
class Caller:
    """The principal of a process.

    Attributes:
        name: returns the principal's name. Called lazily, because Databricks needs a session for it.
        owner: whether the principal is the OS user who owns the project's folder.
    """

    name: Callable[[], str]
    owner: bool

    def names(self) -> tuple[str, ...]:
        """The principal's name, and the name in PODIUM_PRINCIPAL if set. A right counts only if both names have it."""
        own, narrowed = self.name(), os.environ.get(NARROW, "")
        return (own, narrowed) if narrowed and narrowed != own else (own,)


def roles_of(rules: AccessRules, name: str, *, owner: bool) -> tuple[str, ...]:
    """The roles of a principal. ``owner`` says whether the principal owns the project's folder on local storage."""
    if rules.members:
        return rules.members.get(name, ())
    return (rules.owner,) if owner else ()


def os_user() -> str:
    """The user of this process, looked up by its user id, because anybody can set USER and LOGNAME."""
    try:
        import pwd
    except ImportError:  # the module pwd does not exist on Windows
        import getpass

        return getpass.getuser()
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user in a container may have an id but no name
        return f"uid-{os.geteuid()}"


def on_databricks(settings: engine.EngineSettings) -> bool:
    """Whether the engine's session is a Databricks session."""
    return settings.on_databricks


@cache
def databricks_user() -> str:
    """The Databricks user of the engine's session."""
    return str(engine.session().sql("SELECT current_user()").collect()[0][0])


def owns(folder: Path) -> bool:
    """Whether the user of this process owns a folder. Always False on Windows, which has no user ids."""
    return hasattr(os, "geteuid") and folder.stat().st_uid == os.geteuid()
