"""The local runner of jobs: order, retries, timeouts, resume, the lock, and stop signals.

The tasks are lines of Python in place of ``podium run``, which would take seconds to start; ``test_jobs_run.py`` has
real ones. Processes, signals and locks are real.
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

# A task that writes a file, and one that fails unless its file exists, so that the second try succeeds.
MARK = "import os, pathlib; pathlib.Path({0!r}).write_text(str(os.getpid()))"
SECOND = "import pathlib, sys; mark = pathlib.Path({0!r}); there = mark.exists(); mark.touch(); sys.exit(not there)"
# A long task with a long child process; it writes both process ids.
LONG = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
pathlib.Path({0!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(120)
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run a job to its end and return its saved state."""
    monkeypatch.setattr(running, "PODIUM", (sys.executable, "-c"))

    def run(planned: tuple[Run, list[ResolvedTask]]) -> Run:
        with alone(tmp_path, "mine") as lock:
            run_job(*planned, tmp_path, lock=lock, say=print)
        return left(tmp_path)

    return run


def left(folder: Path) -> Run:
    found = last_run(folder, "mine")
    assert found is not None
    return found


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def started(mark: Path) -> list[int]:
    """The ids of the processes of a long task."""
    wait(lambda: mark.exists() and len(mark.read_text().split()) == 2)
    return [int(pid) for pid in mark.read_text().split()]


def test_each_task_is_a_process_of_its_own_in_order(go, tmp_path, capfd):
    marks = [tmp_path / name for name in ("one", "two")]
    done = go(job({mark.name: MARK.format(str(mark)) for mark in marks}))
    assert len({mark.read_text() for mark in marks} | {str(os.getpid())}) == 3
    assert marks[0].stat().st_mtime_ns < marks[1].stat().st_mtime_ns
    assert {task.outcome for task in done.tasks.values()} == {"done"}
    told = capfd.readouterr().out
    assert told.index("mine 1/2 one") < told.index("mine 2/2 two") < told.index("mine finished")


def test_a_task_that_fails_is_tried_again_as_often_as_it_may_be(go, tmp_path):
    done = go(job({"one": SECOND.format(str(tmp_path / "mark"))}, retries=3))
    assert (done.tasks["one"].outcome, done.tasks["one"].tries) == ("done", 2)


def test_a_failure_shows_its_message_and_how_to_go_on_and_ends_the_job(go, tmp_path, capfd):
    after = tmp_path / "after"
    planned = job({"one": "raise SystemExit('no such table')", "after": MARK.format(str(after))}, retries=1)
    with pytest.raises(PodiumError) as failed:
        go(planned)
    assert failed.value.exit_code == 1
    assert "mine: one failed with exit code 1, tried 2 times" in failed.value.message
    assert failed.value.message.endswith("podium jobs run mine --env dev --resume")
    assert capfd.readouterr().err.count("no such table") == 2
    assert not after.exists()
    assert left(tmp_path).left == ["one", "after"]


def test_a_task_that_was_killed_says_by_what(go):
    with pytest.raises(PodiumError, match="mine: one was killed by SIGKILL"):
        go(job({"one": "import os; os.kill(os.getpid(), 9)"}))


def test_what_is_ignored_stays_ignored(go):
    """nohup ignores SIGHUP, so that the command outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        done = go(job({"one": f"import os, signal; os.kill({os.getpid()}, signal.SIGHUP)", "two": "pass"}))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done.left == []


def test_a_resumed_run_begins_at_the_task_that_failed(go, tmp_path):
    first, mark = tmp_path / "first", tmp_path / "mark"
    planned = job({"one": MARK.format(str(first)), "two": SECOND.format(str(mark)), "three": "pass"})
    with pytest.raises(PodiumError, match="two failed"):
        go(planned)
    assert left(tmp_path).left == ["two", "three"]
    before = first.read_text()
    done = go((resumed(tmp_path, planned[0]), planned[1]))
    assert done.left == []
    assert first.read_text() == before
    assert done.tasks["two"].tries == 2
    assert done.started == planned[0].started


def test_a_task_that_takes_too_long_ends_with_all_that_it_has_started(go, tmp_path):
    mark = tmp_path / "mark"
    with pytest.raises(PodiumError, match=r"mine: long exceeded its timeout\. To continue"):
        go(job({"long": LONG.format(str(mark))}, retries=2, timeout=1))
    assert left(tmp_path).tasks["long"].outcome == "timed out"
    assert left(tmp_path).tasks["long"].tries == 1
    assert not any(runs(pid) for pid in started(mark))


def driver(folder: Path, mark: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.jobs.quick", str(folder), LONG.format(str(mark))]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_stops_the_task_too(tmp_path, number):
    mark = tmp_path / "mark"
    whole = driver(tmp_path, mark)
    pids = started(mark)
    assert all(runs(pid) for pid in pids)
    os.kill(whole.pid, number)
    told, _ = whole.communicate(timeout=30)
    assert whole.returncode == 128 + number
    assert "mine was stopped during long" in told
    assert "--resume" in told
    assert not any(runs(pid) for pid in pids)
    assert left(tmp_path).tasks["long"].outcome == "stopped"
    assert left(tmp_path).left == ["long", "after"]


def test_a_task_that_outlives_its_job_still_counts_as_a_run(tmp_path):
    """A killed run leaves no stale lock: only a task that still runs keeps the job locked."""
    mark = tmp_path / "mark"
    whole = driver(tmp_path, mark)
    pids = started(mark)
    os.kill(whole.pid, signal.SIGKILL)
    whole.wait(timeout=30)
    with (
        pytest.raises(PodiumError, match=rf"mine is already running, started by process {whole.pid}"),
        alone(tmp_path, "mine"),
    ):
        pytest.fail("there were two at once")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait(lambda: not any(runs(pid) for pid in pids))
    with alone(tmp_path, "mine"):
        assert left(tmp_path).left == ["long", "after"]


def test_two_jobs_may_run_at_once(tmp_path):
    with alone(tmp_path, "one"), alone(tmp_path, "other"):
        pass


def test_what_cannot_be_resumed_says_why(tmp_path):
    planned, _ = job({"one": "pass"})
    with pytest.raises(
        PodiumError, match=r"no run in dev to resume\. To start a new run: podium jobs run mine --env dev"
    ):
        resumed(tmp_path, planned)
    save(tmp_path, planned.with_task("one", TaskState(outcome="done")))
    with pytest.raises(PodiumError, match="succeeded; there is nothing to resume"):
        resumed(tmp_path, planned)
    save(tmp_path, job({"one": "other"})[0])
    with pytest.raises(PodiumError, match="The tasks of mine have changed"):
        resumed(tmp_path, planned)
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(PodiumError, match=r"mine\.json, the state of the last run, cannot be read"):
        resumed(tmp_path, planned)
