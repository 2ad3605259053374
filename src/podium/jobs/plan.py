"""What a run of a job is going to do: from its beginning, or from where the last one stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from podium.errors import PodiumError

from .checks import CheckedJobs
from .reading import job_named
from .state import Run, TaskState, last_run
from .task_order import arguments, as_text

__all__ = ["begun", "resumed"]


def begun(checked: CheckedJobs, name: str, env: str, params: str = "") -> Run:
    """A run that has done nothing yet.

    Args:
        checked: the jobs.
        name: of one of them.
        env: the environment.
        params: parameters of every task, before those of the job.

    Raises:
        PodiumError: there is no such job, or a parameter is wrong.
    """
    own = as_text(job_named(checked.jobs, name).parameters.get(env, {}))
    given = ",".join(filter(None, (own, params)))
    if wrong := list(checked.wrong_parameters(env, params)):
        raise PodiumError("These parameters are wrong, nothing was run:\n  " + "\n  ".join(wrong))
    steps = checked.steps(name)
    return Run(
        job=name,
        env=env,
        started=datetime.now(UTC),
        commands={step.name: ["run", "--env", env, *arguments(step.task, given)] for step in steps},
        tasks={step.name: TaskState() for step in steps},
    )


def resumed(folder: Path, fresh: Run) -> Run:
    """The last run, as far as it is.

    Args:
        folder: where it is kept.
        fresh: a run of the same job, from its beginning.

    Raises:
        PodiumError: there is nothing to go on with, or the job is another one by now.
    """
    before = last_run(folder, fresh.job)
    anew = f"To begin anew: podium jobs run {fresh.job} --env {fresh.env}"
    if before is None:
        raise PodiumError(f"There was no run of {fresh.job} in {fresh.env} yet. {anew}")
    if not before.left:
        raise PodiumError(f"The last run of {fresh.job} in {fresh.env} has ended well. {anew}")
    if list(_shapes(before)) != list(_shapes(fresh)):
        raise PodiumError(f"The tasks of {fresh.job} are others now than when the run began. {anew}")
    return before


def _shapes(run: Run) -> Iterator[tuple[str, list[str]]]:
    """Tasks and commands, but for the parameters, which a run keeps."""
    for name, command in run.commands.items():
        yield name, command[: command.index("--params")] if "--params" in command else command
