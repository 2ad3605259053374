"""The tasks of a job with the job's defaults filled in, sorted by their dependencies, and the command of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter

from podium.errors import PodiumError

from .definition import Defaults, Job, Task, Value

__all__ = ["ResolvedTask", "arguments", "as_text", "steps", "words"]


@dataclass(frozen=True)
class ResolvedTask:
    """A task, with values from its job or the defaults where it has none of its own."""

    task: Task
    depends_on: tuple[str, ...]
    compute: str | None
    retries: int
    retry_after: timedelta
    timeout: timedelta | None

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name


def steps(job: Job, defaults: Defaults) -> tuple[ResolvedTask, ...]:
    """The tasks of a job in the order of the file, except that each comes after the tasks that it depends on.

    Raises:
        PodiumError: some tasks depend on each other in a cycle.
    """
    waiting = [_step(job, at, defaults) for at in range(len(job.tasks))]
    try:
        TopologicalSorter({step.name: step.depends_on for step in waiting}).prepare()
    except CycleError as cycle:
        names = ", ".join(cycle.args[1][1:])
        raise PodiumError(f"cycle in depends_on: {names}; remove one of these dependencies") from None
    found: list[ResolvedTask] = []
    while waiting:
        done = {step.name for step in found}
        ready = next(step for step in waiting if done.issuperset(step.depends_on))
        waiting.remove(ready)
        found.append(ready)
    return tuple(found)


def arguments(task: Task, parameters: str = "") -> list[str]:
    """The arguments of ``podium run`` for a task, without --env, --root, --files and --mlflow."""
    words = ["--pipelines", ",".join(task.pipelines)]
    for option, names in task.filters.items():
        words += [f"--{option}", ",".join(names)]
    return [*words, "--params", parameters] if parameters else words


def words(task: Task, env: str, parameters: str = "") -> list[str]:
    """The words after ``podium`` that run a task on this machine."""
    if task.command:
        return [*task.command.split(), "--env", env]
    return ["run", "--env", env, *arguments(task, parameters)]


def as_text(parameters: Mapping[str, Value]) -> str:
    """Format parameters as the value of ``--params``: ``path=value,path=value``."""
    return ",".join(f"{path}={value}" for path, value in parameters.items())


def _step(job: Job, at: int, defaults: Defaults) -> ResolvedTask:
    task = job.tasks[at]
    levels = (task, job, defaults)
    before = (job.tasks[at - 1].name,) if at else ()
    return ResolvedTask(
        task=task,
        depends_on=before if task.depends_on is None else task.depends_on,
        compute=task.compute or job.compute or defaults.compute,
        retries=next(each.retries for each in levels if each.retries is not None),
        retry_after=next(each.retry_after for each in levels if each.retry_after is not None),
        timeout=task.timeout or job.timeout or defaults.timeout,
    )
