"""The versions that a Databricks cluster installs beside the wheel: a part of ``requirements.lock``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from podium.errors import PodiumError

__all__ = ["HEADER", "locked_requirements"]

HEADER = "# Written by `podium jobs bundle` from requirements.lock. Do not edit.\n"
# Leave out these packages: they would replace the Databricks runtime's own Spark and Delta.
RUNTIME = frozenset({"pyspark", "pyspark-client", "delta-spark", "py4j"})
# Matches the line of a locked requirement: name, version, marker. Its hashes and comments follow, indented.
PINNED = re.compile(r"^(?P<pin>(?P<name>[\w.-]+)==[^\\\n]+?)\s*\\?$", re.MULTILINE)
# Below a locked requirement, uv names the packages that require it: `# via mlflow`, or one name per line below `# via`.
REQUIRED_BY = re.compile(r"^    # (?:via|  ) ?([\w.-]+)", re.MULTILINE)


@dataclass(frozen=True)
class _Locked:
    """One entry of the lock: ``name==version ; marker`` and the packages that require it."""

    name: str
    pin: str
    required_by: frozenset[str]


def locked_requirements(home: Path) -> str:
    """Return the text of ``databricks/requirements.txt``.

    It pins the dependencies of the wheel, and theirs, as ``requirements.lock`` does. Extras are left out.

    Args:
        home: the checkout, which has ``pyproject.toml`` and ``requirements.lock``.

    Raises:
        PodiumError: one of the two files is missing, or the lock lacks a dependency.
    """
    locked, direct = _locked(_text(home / "requirements.lock")), _direct(_text(home / "pyproject.toml"))
    if missing := sorted(direct - {each.name for each in locked}):
        raise PodiumError(
            f"{home / 'requirements.lock'} has no version of {missing[0]}, which pyproject.toml requires. "
            "Run: make lock"
        )
    needed = _closure(locked, direct)
    return HEADER + "".join(f"{each.pin}\n" for each in locked if each.name in needed)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise PodiumError(
            f"There is no {file}, so no bundle can be written. Run the command in a checkout of the project, or set "
            "PODIUM_HOME to one."
        ) from missing


def _direct(pyproject: str) -> set[str]:
    """The direct dependencies in pyproject.toml, without extras."""
    found = tomllib.loads(pyproject)["project"]["dependencies"]
    return {_normalized(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in found}


def _locked(lock: str) -> list[_Locked]:
    pins = list(PINNED.finditer(lock))
    ends = [*(pin.start() for pin in pins[1:]), len(lock)]
    return [_entry(pin, lock[pin.end() : end]) for pin, end in zip(pins, ends, strict=True)]


def _entry(pin: re.Match[str], comments: str) -> _Locked:
    parents = {_normalized(name) for name in REQUIRED_BY.findall(comments)}
    return _Locked(_normalized(pin["name"]), pin["pin"], frozenset(parents))


def _closure(locked: list[_Locked], direct: set[str]) -> set[str]:
    """The direct dependencies and everything that they require, except what the Databricks runtime provides."""
    needed = direct - RUNTIME
    while more := {each.name for each in locked if each.required_by & needed} - needed - RUNTIME:
        needed |= more
    return needed


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
