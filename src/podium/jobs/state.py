"""The saved state of a job's run, and the lock that allows one run of a job at a time.

Both are in the environment's local folder: ``jobs/<job>.json`` and ``jobs/<job>.lock``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from podium.errors import PodiumError
from podium.lakehouse import atomic_files

__all__ = ["Outcome", "Run", "TaskState", "alone", "last_run", "save"]

Outcome = Literal["waiting", "running", "done", "failed", "timed out", "stopped"]


class TaskState(BaseModel):
    """The outcome of a task's last try, and the number of its tries.

    Attributes:
        outcome: the outcome of its last try.
        tries: the number of times it was started.
        code: the exit code of the last try; None if the runner stopped it, after a timeout or a signal.
        seconds: how long the last try took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Outcome = "waiting"
    tries: int = 0
    code: int | None = None
    seconds: float | None = None


class Run(BaseModel):
    """A run of a job: the command and the state of each task.

    Attributes:
        job: its name.
        env: the environment.
        started: when the run first started; a resumed run keeps this time.
        commands: task -> the arguments of ``podium`` that run it, in the order of the tasks.
        tasks: task -> its state.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: str
    env: str
    started: datetime
    commands: dict[str, list[str]]
    tasks: dict[str, TaskState]

    @property
    def left(self) -> list[str]:
        """The tasks that have not succeeded yet."""
        return [name for name, task in self.tasks.items() if task.outcome != "done"]

    def with_task(self, name: str, task: TaskState) -> Run:
        """A copy of the run with a new state of one task."""
        return self.model_copy(update={"tasks": {**self.tasks, name: task}})


def last_run(folder: Path, job: str) -> Run | None:
    """The job's last run on this machine; None if it never ran.

    Raises:
        PodiumError: the saved state cannot be read.
    """
    file = folder / f"{job}.json"
    if not file.exists():
        return None
    try:
        return Run.model_validate_json(file.read_text())
    except ValidationError as wrong:
        raise PodiumError(
            f"{file}, the state of the last run, cannot be read. Remove the file and start a new run."
        ) from wrong


def save(folder: Path, run: Run) -> None:
    """Save the state of a run atomically."""
    with atomic_files.replace(folder / f"{run.job}.json") as part:
        part.write_text(run.model_dump_json(indent=2))


@contextmanager
def alone(folder: Path, job: str) -> Iterator[int]:
    """Lock a job, and yield the lock's file descriptor, which every task must inherit.

    The operating system releases the lock when the last process that holds it ends. A killed run leaves no stale lock,
    and a task that outlives its run keeps the job locked.

    Raises:
        PodiumError: another run holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / f"{job}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            who = os.pread(lock, 100, 0).decode() or "another process"
            raise PodiumError(
                f"{job} is already running, started by {who}, so nothing was run. Wait until the job ends."
            ) from taken
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}".encode(), 0)
        yield lock
    finally:
        os.close(lock)
