"""Run a job on this machine: its tasks one by one, each in its own process, whose end frees the task's memory."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType

from podium.errors import IncompleteError, PodiumError

from .state import Outcome, Run, TaskState, save
from .task_order import ResolvedTask

__all__ = ["StoppedError", "run_job", "shown"]

# -P keeps the current folder out of sys.path: a file there could shadow a module.
PODIUM = (sys.executable, "-P", "-m", "podium")
PATIENCE = 10.0  # seconds that a task has between SIGTERM and SIGKILL
PAUSE = 0.1  # seconds between two polls of a task
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]


class StoppedError(PodiumError):
    """A signal stopped the job. The exit code is 128 plus the signal's number, as for every command."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.exit_code = 128 + number


class Asked:
    """The signal that asked this process to stop, if one came.

    Attributes:
        number: the number of the signal; None before one comes.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record a stop signal instead of ending at once. Signals that the process ignores (nohup) stay ignored."""

        def note(number: int, frame: FrameType | None) -> None:
            self.number = number

        heard = [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, note) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def shown(command: Sequence[str]) -> str:
    """A task's command, quoted for a shell."""
    return shlex.join(["podium", *command])


def run_job(run: Run, steps: Sequence[ResolvedTask], folder: Path, *, lock: int, say: Say) -> None:
    """Run the tasks that have not succeeded yet, in order, and save the run's state after each.

    Args:
        run: the run so far.
        steps: the job's tasks, in order.
        folder: where the state is saved.
        lock: the file descriptor of the job's lock, which every task inherits.
        say: prints a line for the user.

    Raises:
        PodiumError: a task failed at every try.
        StoppedError: a signal stopped the job; the running task has ended.
        IncompleteError: every task has ended, but one of them left out a part of its input.
    """
    began, asked = time.monotonic(), Asked()
    with asked.listening():
        for at, step in enumerate(steps, start=1):
            if step.name not in run.left:
                continue
            if asked.number is not None:
                raise StoppedError(f"{run.job} was stopped before {step.name}. {_resume(run)}", asked.number)
            say(f"{run.job} {at}/{len(steps)} {step.name}: {shown(run.commands[step.name])}")
            run = _try(run, step, folder, lock=lock, asked=asked, say=say)
            task = run.tasks[step.name]
            if asked.number is not None and task.outcome != "done":
                raise StoppedError(f"{run.job} was stopped during {step.name}. {_resume(run)}", asked.number)
            if task.outcome != "done":
                raise PodiumError(f"{run.job}: {step.name} {_failure(task)}. {_resume(run)}")
    say(f"{run.job} finished in {time.monotonic() - began:.1f} s.")
    if partly := [name for name, task in run.tasks.items() if task.code == IncompleteError.exit_code]:
        raise IncompleteError(f"{run.job}: {', '.join(partly)} left out a part of the input, as its output says.")


def _try(run: Run, step: ResolvedTask, folder: Path, *, lock: int, asked: Asked, say: Say) -> Run:
    """Run a task, and retry it as often as the job allows."""
    for more in range(step.retries, -1, -1):
        run = _once(run, step, folder, lock=lock, asked=asked)
        task = run.tasks[step.name]
        # Don't retry a task that timed out, because a retry would take as long again.
        if task.outcome != "failed" or not more:
            break
        wait = step.retry_after.total_seconds()
        say(f"{step.name} {_failure(task)}. The next try starts in {wait:g} s; tries left: {more}.")
        if not _pause(wait, asked):
            break
    return run


def _once(run: Run, step: ResolvedTask, folder: Path, *, lock: int, asked: Asked) -> Run:
    began, tries = time.monotonic(), run.tasks[step.name].tries + 1
    run = run.with_task(step.name, TaskState(outcome="running", tries=tries))
    save(folder, run)
    # The task gets its own session, so Ctrl-C reaches only the job runner, which then ends the task's whole process
    # group.
    command = [*PODIUM, *run.commands[step.name]]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(lock,)) as child:
        try:
            outcome = _wait(child, step.timeout, asked)
        finally:
            _end(child)
    seconds = round(time.monotonic() - began, 1)
    code = child.returncode if outcome in ("done", "failed") else None
    run = run.with_task(step.name, TaskState(outcome=outcome, tries=tries, code=code, seconds=seconds))
    save(folder, run)
    return run


def _wait(child: subprocess.Popen[bytes], timeout: timedelta | None, asked: Asked) -> Outcome:
    deadline = time.monotonic() + timeout.total_seconds() if timeout else None
    while child.poll() is None:
        if asked.number is not None:
            return "stopped"
        if deadline and time.monotonic() > deadline:
            return "timed out"
        time.sleep(PAUSE)
    return "failed" if child.returncode not in (0, IncompleteError.exit_code) else "done"


def _pause(seconds: float, asked: Asked) -> bool:
    """Sleep; return False if a stop signal cut the sleep short."""
    deadline = time.monotonic() + seconds
    while asked.number is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return asked.number is None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the task's process and the processes that it started, such as Spark's JVM. No-op if none is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            child.poll()
            try:
                os.killpg(child.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(PAUSE)


def _failure(task: TaskState) -> str:
    if task.outcome == "timed out":
        how = "exceeded its timeout"
    elif task.code is not None and task.code < 0:
        how = f"was killed by {signal.Signals(-task.code).name}"
    else:
        how = f"failed with exit code {task.code}"
    return f"{how}, tried {task.tries} times" if task.tries > 1 else how


def _resume(run: Run) -> str:
    return f"To continue from there: podium jobs run {run.job} --env {run.env} --resume"
