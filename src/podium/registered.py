"""The domains and problems of this project, from the packages that ``conf/base/registered.yml`` names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from podium.domains.base import Domain
from podium.errors import PodiumError
from podium.home import conf
from podium.problems.base import Problem
from podium.validation import Params, error_lines

__all__ = ["domains", "problems", "use_conf"]

FILE = "registered.yml"
Kind = TypeVar("Kind", Domain, Problem)
# The configuration of the running session, if it is not the project's own.
_conf: list[Path] = []


class Registered(Params):
    """The content of registered.yml: the names of the packages that define domains and problems."""

    domains: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def use_conf(source: Path) -> None:
    """Read the packages from another configuration folder from now on."""
    _conf[:] = [source]


def domains() -> dict[str, Domain]:
    """The registered domains by name: those that the configuration lists, then those of the problems."""
    return _load(*_conf or [conf()])[0]


def problems() -> dict[str, Problem]:
    """The registered problems by name.

    Raises:
        PodiumError: registered.yml is invalid, a package cannot be imported or defines nothing, or two have one name.
    """
    return _load(*_conf or [conf()])[1]


@cache
def _load(source: Path) -> tuple[dict[str, Domain], dict[str, Problem]]:
    file = source / "base" / FILE
    try:
        # Don't read the file with Kedro's loader: making one changes what ${globals:...} means for all others.
        named = Registered.model_validate(yaml.safe_load(file.read_text()) if file.is_file() else {})
    except ValidationError as wrong:
        raise PodiumError(f"{FILE} is invalid:\n  " + "\n  ".join(error_lines(wrong, Registered))) from wrong
    asked = [_defined(package, "PROBLEM", Problem) for package in named.problems]
    known = [_defined(package, "DOMAIN", Domain) for package in named.domains]
    both = list(dict.fromkeys((*known, *(problem.domain for problem in asked))))
    _refuse_doubles([*both, *asked])
    return {domain.name: domain for domain in both}, {problem.name: problem for problem in asked}


def _defined(package: str, attribute: str, kind: type[Kind]) -> Kind:
    """The domain or problem that a package defines in ``attribute``."""
    try:
        found = getattr(import_module(package), attribute, None)
    except ModuleNotFoundError as missing:
        if not package.startswith(f"{missing.name}"):
            raise  # the package exists, but imports a module that does not
        raise PodiumError(
            f"{FILE} names the package {package}, which Python does not find. Correct the name, or install the package."
        ) from missing
    if not isinstance(found, kind):
        raise PodiumError(f"{FILE} names the package {package}, but it defines no {attribute}, a {kind.__name__}.")
    return found


def _refuse_doubles(found: Iterable[Domain | Problem]) -> None:
    seen: dict[str, Domain | Problem] = {}
    for each in found:
        other = seen.setdefault(each.name, each)
        if other is not each:
            one, two = (type(every).__name__.lower() for every in (other, each))
            both = f"two {one}s" if one == two else f"a {one} and a {two}"
            raise PodiumError(
                f"In {FILE}, {both} have the same name, {each.name}. Rename one of them: tables and parameters are "
                "found by the name."
            )
