"""Plan a run of a job: a new one, or the continuation of the last one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from podium.errors import PodiumError

from .checks import CheckedJobs
from .reading import job_named
from .state import Run, TaskState, last_run
from .task_order import as_text, words

__all__ = ["begun", "resumed"]


def begun(checked: CheckedJobs, name: str, env: str, params: str = "") -> Run:
    """A new run of a job, in which no task has started yet.

    Args:
        checked: the jobs.
        name: the job's name.
        env: the environment.
        params: parameters of every task; they override those of the job.

    Raises:
        PodiumError: there is no such job, or a parameter is invalid.
    """
    own = as_text(job_named(checked.jobs, name).parameters.get(env, {}))
    given = ",".join(filter(None, (own, params)))
    if wrong := list(checked.wrong_parameters(env, params)):
        raise PodiumError("No task was run, because --params has errors:\n  " + "\n  ".join(wrong))
    steps = checked.steps(name)
    return Run(
        job=name,
        env=env,
        started=datetime.now(UTC),
        commands={step.name: words(step.task, env, given) for step in steps},
        tasks={step.name: TaskState() for step in steps},
    )


def resumed(folder: Path, fresh: Run) -> Run:
    """The last run of a job, if it can be resumed.

    Args:
        folder: where the states of runs are saved.
        fresh: a new run of the same job, to compare with.

    Raises:
        PodiumError: there is no unfinished run, or the job's tasks have changed since.
    """
    before = last_run(folder, fresh.job)
    anew = f"To start a new run: podium jobs run {fresh.job} --env {fresh.env}"
    if before is None:
        raise PodiumError(f"{fresh.job} has no run in {fresh.env} to resume. {anew}")
    if not before.left:
        raise PodiumError(f"The last run of {fresh.job} in {fresh.env} succeeded; there is nothing to resume. {anew}")
    if list(_shapes(before)) != list(_shapes(fresh)):
        raise PodiumError(
            f"The last run of {fresh.job} cannot be resumed, because its tasks have changed since. {anew}"
        )
    return before


def _shapes(run: Run) -> Iterator[tuple[str, list[str]]]:
    """Yield each task's name and its command without --params, because a resumed run keeps its own parameters."""
    for name, command in run.commands.items():
        yield name, command[: command.index("--params")] if "--params" in command else command
