"""Read ``jobs.yml``. An error about an unknown key or value names the file, the key and the nearest known word."""

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
    """The path of ``jobs.yml``, which all environments share."""
    return conf / "base" / "jobs.yml"


def read_jobs(conf: Path) -> Jobs:
    """Read a configuration's jobs and validate their structure. ``checks`` verifies that the names in them exist.

    Raises:
        PodiumError: the file is missing or invalid; the message lists every error.
    """
    file = jobs_file(conf)
    try:
        return Jobs.model_validate(_raw(file))
    except ValidationError as wrong:
        refuse(file, error_lines(wrong, Jobs))
        raise


def refuse(file: Path, lines: Iterable[str]) -> None:
    """Raise an error that names the file and lists all lines. No-op without lines."""
    told = list(lines)
    if told:
        raise PodiumError(f"{file} has errors, so nothing was run or written:\n  " + "\n  ".join(told))


def job_named(jobs: Jobs, name: str) -> Job:
    """A job by its name.

    Raises:
        PodiumError: there is no such job.
    """
    if name not in jobs.jobs:
        raise PodiumError(
            f"There is no job {name!r}{did_you_mean(name, jobs.jobs)}. The jobs are: {', '.join(jobs.jobs)}."
        )
    return jobs.jobs[name]


def _raw(file: Path) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        # Use OmegaConf, because PyYAML accepts duplicate keys. Leave ${…} unresolved, because Databricks fills it in.
        return OmegaConf.to_container(OmegaConf.load(file))
    except FileNotFoundError as missing:
        raise PodiumError(f"There is no {file}, which defines the jobs. See docs/how-to/jobs.md.") from missing
    except (YAMLError, OmegaConfBaseException, OSError) as wrong:
        raise PodiumError(f"{file} cannot be read: {' '.join(str(wrong).split())}") from wrong
