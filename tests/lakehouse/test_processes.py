"""Marked processes are found with their children and ended even if they ignore SIGTERM. Other processes are left."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from podium.lakehouse import processes
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.processes import MARK

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
PARENT = "import subprocess, sys; print('ready', flush=True); subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture
def mark(tmp_path: Path):
    yield str(tmp_path)
    processes.end(str(tmp_path), patience=1)


@pytest.fixture
def run(tmp_path: Path, mark: str):
    def start(*code: str) -> int:
        log = tmp_path / "log"
        command = [sys.executable, "-c", *code]
        pid = processes.spawn(command, mark=mark, env=dict(os.environ), cwd=tmp_path, log=log)
        assert processes.wait(lambda: "ready" in log.read_text(), 20)
        return pid

    return start


def test_a_process_and_its_children_carry_the_mark(run, mark):
    pid = run(PARENT, STUBBORN)
    assert processes.wait(lambda: len(processes.marked(mark)) == 2, 20)
    assert processes.alive(pid, mark)
    assert all(process.environ()[MARK] == mark for process in processes.marked(mark))


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(run, mark):
    pid = run(PARENT, STUBBORN)
    assert processes.wait(lambda: len(processes.marked(mark)) == 2, 20)
    time.sleep(0.5)  # by now the child ignores SIGTERM
    assert processes.end(mark, patience=0.5) == 2
    assert not processes.alive(pid, mark)
    assert processes.marked(mark) == []


def test_an_unmarked_process_is_neither_alive_nor_ended(run, mark):
    """After a reboot, a recorded process id can belong to another process."""
    run(STUBBORN)
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, MARK: f"{mark}2"}
    )
    try:
        assert not processes.alive(other.pid, mark)
        assert not processes.alive(os.getpid(), mark)
        processes.end(mark, patience=0.5)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_has_ended_is_not_alive(run, mark):
    pid = run("print('ready')")
    assert processes.wait(lambda: not processes.alive(pid, mark), 10)


def test_a_process_is_alive_from_its_start(tmp_path, mark):
    """While a process calls exec, its environment is unreadable for a moment."""
    for _ in range(30):
        pid = processes.spawn(
            ["sh", "-c", "exec sh -c 'exec sleep 60'"], mark=mark, env={}, cwd=tmp_path, log=tmp_path / "log"
        )
        assert all(processes.alive(pid, mark) for _ in range(20))
    assert processes.end(mark) == 30


def test_an_ended_child_leaves_no_zombie(run, mark):
    pid = run(STUBBORN)
    processes.end(mark, patience=0.2)
    processes.marked(mark)
    assert not psutil.pid_exists(pid)


def test_a_taken_port_is_not_returned_as_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = processes.free_port(port)
        assert other not in {port, 0}
        assert processes.listens(os.getpid(), port)
        assert not processes.listens(os.getpid(), other)
        assert not processes.listens(os.getppid(), port)
    assert processes.free_port(port) == port


def test_only_one_process_holds_the_start_lock(tmp_path, monkeypatch):
    # A lock of their own, because another test process may be starting a cluster.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = "from podium.lakehouse.processes import one_at_a_time\nwith one_at_a_time(0) as had: print(had)"
    with processes.one_at_a_time(0) as had:
        assert had
        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "True"


def test_another_user_cannot_take_the_start_lock(tmp_path, monkeypatch):
    """Every user can lock the temporary folder, and create a file with a predictable name in it."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with processes.one_at_a_time(0) as had:
        assert had
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_lock_that_cannot_be_created_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "podium").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    message = f"cannot be created in {tmp_path}/podium: File exists. Set XDG_CACHE_HOME"
    with pytest.raises(LakehouseError, match=message), processes.one_at_a_time(0):
        pass
