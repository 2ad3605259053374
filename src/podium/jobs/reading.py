"""Reads ``jobs.yml``. A key or a value that means nothing is refused, with the file and the nearest that does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from podium.errors import PodiumError, did_you_mean
from podium.validation import error_lines

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
        refuse(file, error_lines(wrong, Jobs))
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
