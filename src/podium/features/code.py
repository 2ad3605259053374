"""Digests of the code that computes something, to notice results that other code computed."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from importlib.util import find_spec
from inspect import getclosurevars, isbuiltin, isclass, isfunction, ismethod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from podium.domains.base import Event, Feature, FeatureTable
from podium.lakehouse.files import short_digest
from podium.problems.base import Problem, RequestFeatures

__all__ = ["REQUEST", "REQUESTS", "changed_definitions", "definitions", "event_code", "modules_of", "table_code"]

# The names of a problem's request features, and of the function that makes its requests, among its definitions.
REQUEST, REQUESTS = "request", "requests"
# The contracts that a domain or problem fills in. They compute nothing.
CONTRACTS = ("podium.domains.base", "podium.problems.base")
# Names of the folders in which installed packages lie.
LIBRARIES = {"site-packages", "dist-packages"}
# Where an object lies in memory, as the default of ``repr`` shows it.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def definitions(problem: Problem) -> dict[str, str]:
    """The digests of all that the features of a problem depend on: by table name, ``request`` and ``requests``."""
    tables = {table.name: table_code(table) for table in problem.tables}
    return tables | {REQUEST: _request_code(problem.request), REQUESTS: _digest(problem.keys, problem.requests)}


def changed_definitions(recorded: Mapping[str, str], problem: Problem) -> list[str]:
    """The names of the recorded definitions that the code at hand has otherwise or not at all."""
    now = definitions(problem)
    return [name for name, digest in recorded.items() if now.get(name) != digest]


def table_code(table: FeatureTable) -> str:
    """The digest of a feature table's definition: its shape, and the modules that its computation depends on."""
    shape = (table.entity, table.freshness, table.grid, table.every, table.reads, _names(table.features))
    return _digest(shape, table.compute)


def _request_code(request: RequestFeatures) -> str:
    return _digest((sorted(request.inputs.items()), _names(request.features)), request.compute)


def event_code(event: Event, *others: Any) -> str:
    """The digest of an event's definition. ``others`` are functions whose results the event's ``build`` takes."""
    shape = (event.keys, event.schema, event.corrections, event.absence)
    return _digest(shape, event.claims, event.build, event.contract, *others)


def _names(features: Iterable[Feature]) -> list[tuple[str, str]]:
    return [(feature.name, feature.dtype) for feature in features]


def _digest(shape: Any, *computations: Any) -> str:
    texts = [repr(shape)]
    for computation in computations:
        texts += _canonical(computation, frozenset())
    return short_digest(*texts)


def _canonical(value: Any, above: frozenset[int]) -> Iterator[str]:
    """Texts that identify a value and are the same in every process: without addresses, and a set in a fixed order.

    ``above`` has the objects that hold the value, because a function may hold itself.
    """
    if id(value) in above:
        return
    above |= {id(value)}
    if isinstance(value, Mapping | set | frozenset):
        parts = value.items() if isinstance(value, Mapping) else value
        yield from sorted("\0".join(_canonical(part, above)) for part in parts)
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _canonical(part, above))
    elif isfunction(value) or isclass(value):
        yield from _canonical_code(value, above)
    elif (inside := _inside(value)) is not None:
        yield from _canonical(inside, above)
    else:
        yield value.__name__ if isinstance(value, ModuleType) else repr(value)


def _inside(value: Any) -> tuple[Any, ...] | None:
    """The values that make up an object whose ``repr`` does not identify it. None if it does."""
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if ismethod(value):
        return value.__func__, value.__self__
    if isbuiltin(value):
        return value.__qualname__, value.__self__
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tolist()
    if not isinstance(value, ModuleType) and ADDRESS.search(repr(value)):
        return type(value), value.__getstate__()
    return None


def _canonical_code(value: Any, above: frozenset[int]) -> Iterator[str]:
    """The name of a function or class, the source of its modules, and the values that a function holds."""
    yield value.__qualname__
    yield from (_source(path) for _, path in sorted(modules_of(value.__module__).items()))
    if isfunction(value):
        yield from _canonical((getclosurevars(value).nonlocals, value.__defaults__, value.__kwdefaults__), above)


@cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def modules_of(name: str) -> Mapping[str, Path]:
    """The modules of people's own code that a module depends on, itself included: name -> source file.

    Libraries do not count: modules in a folder for installed packages, unless they belong to the package of the module
    itself or to Podium. A package's ``__init__`` counts only where something in it is imported.
    """
    own = frozenset({name.partition(".")[0], "podium"})
    found: dict[str, Path] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in found or module in CONTRACTS or (path := _own_file(module, own)) is None:
            continue
        found[module] = path
        waiting += _imported(module, path, own)
    return found


def _own_file(module: str, own: frozenset[str]) -> Path | None:
    """The source file of a module, or None for a library's module, and for a name that is no module."""
    if not _is_own(module.partition(".")[0], own):
        return None
    try:
        spec = find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None  # a name inside a module, or a module without a file, such as a notebook's
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


@cache
def _is_own(top: str, own: frozenset[str]) -> bool:
    """Whether a top-level package or module is people's own code. Finds it without importing it."""
    if top in own:
        return True
    if top in sys.stdlib_module_names:
        return False
    try:
        spec = find_spec(top)
    except ValueError:
        return False
    return spec is not None and spec.origin is not None and not LIBRARIES & {*Path(spec.origin).parts}


def _imported(module: str, path: Path, own: frozenset[str]) -> Iterator[str]:
    """The names that a module imports anywhere in its code, as names of modules where they are modules."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(_source(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            inside = [f"{base}.{alias.name}" for alias in node.names]
            modules = [name for name in inside if _own_file(name, own)]
            yield from modules
            if len(modules) < len(inside):
                yield base


def _absolute(node: ast.ImportFrom, package: str) -> str:
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
