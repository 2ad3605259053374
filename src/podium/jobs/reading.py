"""Reads ``jobs.yml``. A key or a value that means nothing is refused, with the file and the nearest that does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from podium.errors import PodiumError, did_you_mean

from .definition import Job, Jobs

__all__ = ["job_named", "jobs_file", "read_jobs", "refuse"]


def jobs_file(conf: Path) -> Path:
    """Where a configuration names the jobs: once, for all environments."""
    return conf / "base" / "jobs.yml"


def read_jobs(conf: Path) -> Jobs:
    """The jobs of a configuration. That what they name exists is for ``checks`` to see.

    Raises:
        PodiumError: there is no such file, or something in it is wrong; all of that in one error.
    """
    file = jobs_file(conf)
    try:
        return Jobs.model_validate(_raw(file))
    except ValidationError as wrong:
        refuse(file, [_explain(dict(error)) for error in wrong.errors(include_url=False)])
        raise


def refuse(file: Path, lines: Iterable[str]) -> None:
    """All that is wrong with the file as one error; nothing where nothing is."""
    told = list(lines)
    if told:
        raise PodiumError(f"{file} is wrong, nothing was done:\n  " + "\n  ".join(told))


def job_named(jobs: Jobs, name: str) -> Job:
    """A job by its name.

    Raises:
        PodiumError: there is none.
    """
    if name not in jobs.jobs:
        raise PodiumError(
            f"There is no job {name!r}{did_you_mean(name, jobs.jobs)}. There are: {', '.join(jobs.jobs)}."
        )
    return jobs.jobs[name]


def _raw(file: Path) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        # Unlike plain YAML it refuses a key that is there twice. ${…} is for Databricks, and stays as it is.
        return OmegaConf.to_container(OmegaConf.load(file))
    except FileNotFoundError as missing:
        raise PodiumError(f"There is no {file}, so there are no jobs.") from missing
    except (YAMLError, OmegaConfBaseException, OSError) as wrong:
        raise PodiumError(f"{file} cannot be read: {' '.join(str(wrong).split())}") from wrong


def _explain(error: Mapping[str, Any]) -> str:
    where, context = list(error["loc"]), error.get("ctx") or {}
    path, given = ".".join(map(str, where)), error["input"]
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such key{did_you_mean(str(where[-1]), _keys(where[:-1]))}"
    if error["type"] == "union_tag_invalid":
        known = context["expected_tags"].replace("'", "").split(", ")
        return f"{path}.kind: there is no {context['tag']!r}{did_you_mean(context['tag'], known)}; {_either(known)}"
    if error["type"] == "literal_error":
        known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{path}: {given!r}{did_you_mean(str(given), known)}; write {_either(known)}"
    shown = "" if isinstance(given, Mapping | list | tuple) or error["type"] == "value_error" else f" (got {given!r})"
    return f"{path}: {error['msg'].removeprefix('Value error, ')}{shown}".removeprefix(": ")


def _either(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _keys(where: list[Any]) -> list[str]:
    """The keys that exist at a place in the file."""
    found: list[type] = [Jobs]
    for step in where:
        found = _below(found, step)
    return [key for each in found if issubclass(each, BaseModel) for key in each.model_fields]


def _below(types: list[type], step: Any) -> list[type]:
    """What may stand below such types: in a section, a mapping or a list. The tag of a union stands for itself."""
    found: list[type] = []
    for each in types:
        if isinstance(each, type) and issubclass(each, BaseModel):
            field = each.model_fields.get(str(step))
            found += _leaves(field.annotation) if field else [each]
    return found


def _leaves(annotation: Any) -> list[type]:
    """The classes that an annotation is made of."""
    if get_origin(annotation) in (Annotated, Union, UnionType, dict, tuple):
        return [leaf for part in get_args(annotation) for leaf in _leaves(part)]
    return [annotation] if isinstance(annotation, type) else []
