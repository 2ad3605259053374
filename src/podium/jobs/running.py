"""Runs a job here: one task after the other, each in a process of its own, so that all it took goes with it."""

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

from podium.errors import PodiumError

from .state import Outcome, Run, TaskState, save
from .task_order import ResolvedTask

__all__ = ["StoppedError", "run_job", "shown"]

# Without -P, a file in the current folder could take the place of a module.
PODIUM = (sys.executable, "-P", "-m", "podium")
# From being asked to end, to being killed.
PATIENCE = 10.0
PAUSE = 0.1
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]


class StoppedError(PodiumError):
    """Somebody asked the job to stop; the exit code is that of a command ended by Ctrl-C."""

    exit_code = 128 + signal.SIGINT


class Asked:
    """Whether somebody has asked this process to stop, since it began to listen."""

    def __init__(self) -> None:
        self.number: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note Ctrl-C and the like meanwhile, instead of ending at once. What is ignored (nohup) stays so."""

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
    """A task's command as one would type it."""
    return shlex.join(["podium", *command])


def run_job(run: Run, steps: Sequence[ResolvedTask], folder: Path, *, lock: int, say: Say) -> None:
    """Run the tasks that have not ended well yet, in order; what is done is kept in the folder.

    Args:
        run: as it is so far.
        steps: of the job, in order.
        folder: where it is kept.
        lock: an open file that the processes of the tasks hold, too.
        say: takes a line for the person.

    Raises:
        PodiumError: a task has failed, each time it was tried.
        StoppedError: by a signal; the task that was running has ended.
    """
    began, asked = time.monotonic(), Asked()
    with asked.listening():
        for at, step in enumerate(steps, start=1):
            if step.name not in run.left:
                continue
            if asked.number is not None:
                raise StoppedError(f"{run.job} was stopped, before {step.name}. {_resume(run)}")
            say(f"{run.job} {at}/{len(steps)} {step.name}: {shown(run.commands[step.name])}")
            run = _try(run, step, folder, lock=lock, asked=asked, say=say)
            task = run.tasks[step.name]
            if asked.number is not None and task.outcome != "done":
                raise StoppedError(f"{run.job} was stopped, in {step.name}. {_resume(run)}")
            if task.outcome != "done":
                raise PodiumError(f"{run.job}: {step.name} {_failure(task)}. {_resume(run)}")
    say(f"{run.job} is done, in {time.monotonic() - began:.1f} s.")


def _try(run: Run, step: ResolvedTask, folder: Path, *, lock: int, asked: Asked, say: Say) -> Run:
    """As often as it may be."""
    for more in range(step.retries, -1, -1):
        run = _once(run, step, folder, lock=lock, asked=asked)
        task = run.tasks[step.name]
        # What took too long once would do so again.
        if task.outcome != "failed" or not more:
            break
        wait = step.retry_after.total_seconds()
        say(f"{step.name} {_failure(task)}; again in {wait:g} s, {more} more times at most.")
        if not _pause(wait, asked):
            break
    return run


def _once(run: Run, step: ResolvedTask, folder: Path, *, lock: int, asked: Asked) -> Run:
    began, tries = time.monotonic(), run.tasks[step.name].tries + 1
    run = run.with_task(step.name, TaskState(outcome="running", tries=tries))
    save(folder, run)
    # A session of its own: a Ctrl-C reaches this process only, which then ends all of the task's.
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
    return "failed" if child.returncode else "done"


def _pause(seconds: float, asked: Asked) -> bool:
    """Wait; whether nobody has asked to stop meanwhile."""
    deadline = time.monotonic() + seconds
    while asked.number is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return asked.number is None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End it, and what it has started, such as Spark's JVM; nothing where nothing is left."""
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
        how = "took too long"
    elif task.code is not None and task.code < 0:
        how = f"was ended by {signal.Signals(-task.code).name}"
    else:
        how = f"failed with exit code {task.code}"
    return f"{how}, tried {task.tries} times" if task.tries > 1 else how


def _resume(run: Run) -> str:
    return f"To go on from there: podium jobs run {run.job} --env {run.env} --resume"
