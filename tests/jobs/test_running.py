"""The local runner of jobs: order, retries, timeouts, resume, the lock, and stop signals.

The tasks run Python code instead of ``podium run``, which takes seconds to start; ``test_jobs_run.py`` runs real tasks.
Processes, signals and locks are real.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from podium.errors import PodiumError
from podium.jobs import running
from podium.jobs.plan import resumed
from podium.jobs.running import run_job
from podium.jobs.state import Run, TaskState, alone, last_run, save
from podium.jobs.task_order import ResolvedTask
from tests.conftest import PROJECT
from tests.jobs.quick import job

# MARK writes a file. SECOND fails unless its file exists and creates it, so that the second try succeeds.
MARK = "import os, pathlib; pathlib.Path({0!r}).write_text(str(os.getpid()))"
SECOND = "import pathlib, sys; mark = pathlib.Path({0!r}); there = mark.exists(); mark.touch(); sys.exit(not there)"
# A long task that starts a long child process and writes both process ids.
LONG = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
pathlib.Path({0!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(120)
"""


@pytest.fixture
def run_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return a function that runs a job to its end and returns its saved state."""
    monkeypatch.setattr(running, "PODIUM", (sys.executable, "-c"))

    def run(planned: tuple[Run, list[ResolvedTask]]) -> Run:
        with alone(tmp_path, "mine") as lock:
            run_job(*planned, tmp_path, lock=lock, say=print)
        return saved_state(tmp_path)

    return run


def saved_state(folder: Path) -> Run:
    found = last_run(folder, "mine")
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_for_processes(mark: Path) -> list[int]:
    """Wait until a long task has started, and return the ids of its processes."""
    wait_for(lambda: mark.exists() and len(mark.read_text().split()) == 2)
    return [int(pid) for pid in mark.read_text().split()]


def test_tasks_run_in_order_in_separate_processes(run_to_end, tmp_path, capfd):
    marks = [tmp_path / name for name in ("one", "two")]
    done = run_to_end(job({mark.name: MARK.format(str(mark)) for mark in marks}))
    assert len({mark.read_text() for mark in marks} | {str(os.getpid())}) == 3
    assert marks[0].stat().st_mtime_ns < marks[1].stat().st_mtime_ns
    assert {task.outcome for task in done.tasks.values()} == {"done"}
    told = capfd.readouterr().out
    assert told.index("mine 1/2 one") < told.index("mine 2/2 two") < told.index("mine finished")


def test_a_failed_task_is_retried(run_to_end, tmp_path):
    done = run_to_end(job({"one": SECOND.format(str(tmp_path / "mark"))}, retries=3))
    assert (done.tasks["one"].outcome, done.tasks["one"].tries) == ("done", 2)


def test_a_failure_ends_the_job_with_its_message_and_the_resume_command(run_to_end, tmp_path, capfd):
    after = tmp_path / "after"
    planned = job({"one": "raise SystemExit('no such table')", "after": MARK.format(str(after))}, retries=1)
    with pytest.raises(PodiumError) as failed:
        run_to_end(planned)
    assert failed.value.exit_code == 1
    assert "mine: one failed with exit code 1, tried 2 times" in failed.value.message
    assert failed.value.message.endswith("podium jobs run mine --env dev --resume")
    assert capfd.readouterr().err.count("no such table") == 2
    assert not after.exists()
    assert saved_state(tmp_path).left == ["one", "after"]


def test_the_error_for_a_killed_task_names_the_signal(run_to_end):
    with pytest.raises(PodiumError, match="mine: one was killed by SIGKILL"):
        run_to_end(job({"one": "import os; os.kill(os.getpid(), 9)"}))


def test_an_ignored_signal_stays_ignored(run_to_end):
    """nohup makes a command ignore SIGHUP, so that it outlives its terminal. The runner must not undo that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        done = run_to_end(job({"one": f"import os, signal; os.kill({os.getpid()}, signal.SIGHUP)", "two": "pass"}))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done.left == []


def test_a_resumed_run_begins_at_the_task_that_failed(run_to_end, tmp_path):
    first, mark = tmp_path / "first", tmp_path / "mark"
    planned = job({"one": MARK.format(str(first)), "two": SECOND.format(str(mark)), "three": "pass"})
    with pytest.raises(PodiumError, match="two failed"):
        run_to_end(planned)
    assert saved_state(tmp_path).left == ["two", "three"]
    before = first.read_text()
    done = run_to_end((resumed(tmp_path, planned[0]), planned[1]))
    assert done.left == []
    assert first.read_text() == before
    assert done.tasks["two"].tries == 2
    assert done.started == planned[0].started


def test_a_timeout_ends_the_task_and_its_child_processes(run_to_end, tmp_path):
    mark = tmp_path / "mark"
    with pytest.raises(PodiumError, match=r"mine: long exceeded its timeout\. To continue"):
        run_to_end(job({"long": LONG.format(str(mark))}, retries=2, timeout=1))
    assert saved_state(tmp_path).tasks["long"].outcome == "timed out"
    assert saved_state(tmp_path).tasks["long"].tries == 1
    assert not any(is_running(pid) for pid in wait_for_processes(mark))


def start_job(folder: Path, mark: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.jobs.quick", str(folder), LONG.format(str(mark))]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_job_and_its_task(tmp_path, number):
    mark = tmp_path / "mark"
    whole = start_job(tmp_path, mark)
    pids = wait_for_processes(mark)
    assert all(is_running(pid) for pid in pids)
    os.kill(whole.pid, number)
    told, _ = whole.communicate(timeout=30)
    assert whole.returncode == 128 + number
    assert "mine was stopped during long" in told
    assert "--resume" in told
    assert not any(is_running(pid) for pid in pids)
    assert saved_state(tmp_path).tasks["long"].outcome == "stopped"
    assert saved_state(tmp_path).left == ["long", "after"]


def test_a_task_that_outlives_its_job_keeps_the_job_locked(tmp_path):
    """A killed run leaves no stale lock. Only a task that is still running keeps the job locked."""
    mark = tmp_path / "mark"
    whole = start_job(tmp_path, mark)
    pids = wait_for_processes(mark)
    os.kill(whole.pid, signal.SIGKILL)
    whole.wait(timeout=30)
    with (
        pytest.raises(PodiumError, match=rf"mine is already running, started by process {whole.pid}"),
        alone(tmp_path, "mine"),
    ):
        pytest.fail("the job was started twice at once")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids))
    with alone(tmp_path, "mine"):
        assert saved_state(tmp_path).left == ["long", "after"]


def test_two_different_jobs_can_run_at_once(tmp_path):
    with alone(tmp_path, "one"), alone(tmp_path, "other"):
        pass


def test_an_impossible_resume_says_why(tmp_path):
    planned, _ = job({"one": "pass"})
    with pytest.raises(
        PodiumError, match=r"no run in dev to resume\. To start a new run: podium jobs run mine --env dev"
    ):
        resumed(tmp_path, planned)
    save(tmp_path, planned.with_task("one", TaskState(outcome="done")))
    with pytest.raises(PodiumError, match="succeeded; there is nothing to resume"):
        resumed(tmp_path, planned)
    save(tmp_path, job({"one": "other"})[0])
    with pytest.raises(PodiumError, match="last run of mine cannot be resumed, because its tasks have changed"):
        resumed(tmp_path, planned)
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(PodiumError, match=r"mine\.json, the state of the last run, cannot be read"):
        resumed(tmp_path, planned)
