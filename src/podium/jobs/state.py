"""What a job's run has done so far, on disk; and the one place for a run of it.

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
    """How far a task is.

    Attributes:
        outcome: of its last try.
        tries: how often it was begun.
        code: the exit code of the last try that ended by itself.
        seconds: how long that took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Outcome = "waiting"
    tries: int = 0
    code: int | None = None
    seconds: float | None = None


class Run(BaseModel):
    """A run of a job.

    Attributes:
        job: its name.
        env: the environment.
        started: when, for the first time.
        commands: task -> what is run for it, in order.
        tasks: task -> how far it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: str
    env: str
    started: datetime
    commands: dict[str, list[str]]
    tasks: dict[str, TaskState]

    @property
    def left(self) -> list[str]:
        """The tasks that have not ended well."""
        return [name for name, task in self.tasks.items() if task.outcome != "done"]

    def with_task(self, name: str, task: TaskState) -> Run:
        """The same, one task further."""
        return self.model_copy(update={"tasks": {**self.tasks, name: task}})


def last_run(folder: Path, job: str) -> Run | None:
    """The job's last run here; None where there was none.

    Raises:
        PodiumError: what is kept of it cannot be read.
    """
    file = folder / f"{job}.json"
    if not file.exists():
        return None
    try:
        return Run.model_validate_json(file.read_text())
    except ValidationError as wrong:
        raise PodiumError(
            f"{file}, what is kept of the last run, cannot be read. Remove it, and start anew."
        ) from wrong


def save(folder: Path, run: Run) -> None:
    """Write the state of a run, atomically."""
    with atomic_files.replace(folder / f"{run.job}.json") as part:
        part.write_text(run.model_dump_json(indent=2))


@contextmanager
def alone(folder: Path, job: str) -> Iterator[int]:
    """Hold the one place for a run of a job; a file descriptor that a child must inherit.

    The system drops the lock when the last process that has it ends. So nothing is left over by a process that was
    killed, and a task that outlives it still counts as a run.

    Raises:
        PodiumError: another run has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / f"{job}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            who = os.pread(lock, 100, 0).decode() or "another process"
            raise PodiumError(f"{job} is running already, begun by {who}. Nothing was done.") from taken
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}".encode(), 0)
        yield lock
    finally:
        os.close(lock)
