"""Processes that outlive the command that started them, identified by a mark in their environment.

A process id alone does not identify a process, because the system reuses the id after the process has ended. So each
process is started with a mark in its environment, which its children inherit, and only marked processes are counted or
ended.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.extras import how_to_install

try:
    import psutil
except ImportError as missing:
    raise LakehouseError(f"A cluster needs psutil, which is not installed. {how_to_install('local')}") from missing

__all__ = ["alive", "end", "free_port", "listens", "marked", "one_at_a_time", "spawn", "wait"]

MARK = "PODIUM_CLUSTER"
LOOPBACK = "127.0.0.1"
PAUSE = 0.2

# The children of this process by process id, each with its MARK: the text that names the cluster it belongs to.
# Keep the Popen objects, because an ended child stays a zombie until its parent asks for its exit code.
_children: dict[int, tuple[subprocess.Popen[bytes], str]] = {}


def spawn(command: Sequence[str], *, mark: str, env: Mapping[str, str], cwd: Path, log: Path) -> int:
    """Start a process that outlives this one and does not receive its Ctrl-C. Return the new process id."""
    with log.open("ab") as sink:
        child = subprocess.Popen(
            list(command),
            env={**env, MARK: mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    _children[child.pid] = (child, mark)
    return child.pid


def alive(pid: int, mark: str) -> bool:
    """Whether the process with the given id is running and carries the mark."""
    own = _own(mark)
    try:
        return pid in own or _carries(psutil.Process(pid), mark)
    except psutil.Error:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """All processes of this user that carry the mark, including indirect children."""
    own, others = _own(mark), [each for each in psutil.process_iter() if each.pid != os.getpid()]
    return [process for process in others if process.pid in own or _carries(process, mark)]


def end(mark: str, *, patience: float = 15.0) -> int:
    """End all processes with the mark: send SIGTERM, and SIGKILL to those that still run after ``patience`` seconds.

    Returns:
        The number of processes that carried the mark.
    """
    found = marked(mark)
    _signal(found, signal.SIGTERM)
    if not wait(lambda: not marked(mark), patience):
        # Search and kill until a search finds no process. The first search can miss one that is just starting, because
        # its mark becomes visible only after a moment.
        wait(lambda: not _signal(marked(mark), signal.SIGKILL), patience)
    return len(found)


def listens(pid: int, port: int) -> bool:
    """Whether the process with the given id listens on the TCP port."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def free_port(preferred: int) -> int:
    """The preferred port if it is free on the loopback interface, otherwise any free port."""
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            # Set SO_REUSEADDR, as servers do, so that a port whose connections have just closed counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise OSError(f"there is no free port on {LOOPBACK}")


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds or the time is over, and return whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


@contextmanager
def one_at_a_time(seconds: float) -> Iterator[bool]:
    """Hold this user's lock for starting a cluster, because two concurrent starts would choose the same ports.

    Yields:
        Whether the lock was acquired within ``seconds``.

    Raises:
        LakehouseError: the lock file cannot be created.
    """
    lock = _open_lock()
    try:
        # The system releases the lock when the process that holds it ends, even if that process is killed.
        yield wait(lambda: _locked(lock), seconds)
    finally:
        os.close(lock)


def _open_lock() -> int:
    """Open the lock file in the user's cache folder: a shared folder would let other users hold it or create it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "podium")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "cluster.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as cause:
        raise LakehouseError(
            f"The lock for starting a cluster cannot be created in {folder}: {cause.strerror}. Set XDG_CACHE_HOME to a "
            "folder that you can write to."
        ) from cause


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        # Reading a zombie's environment raises an error. A zombie has ended, so it counts as not carrying the mark.
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _signal(processes: list[psutil.Process], number: signal.Signals) -> int:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
    return len(processes)


def _own(mark: str) -> set[int]:
    """The ids of the running processes that this process has started with the mark.

    This needs no look at their environment, which cannot be read for a moment while a process starts its program.
    """
    for pid, (child, _) in list(_children.items()):
        if child.poll() is not None:
            del _children[pid]
    return {pid for pid, (_, its) in _children.items() if its == mark}
