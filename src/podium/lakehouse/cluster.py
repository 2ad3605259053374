"""A Spark cluster on this machine: a master, workers and a Spark Connect server with Delta, in one folder.

The folder holds what the cluster needs and writes: ``state.json``, settings, logs, work folders, a warehouse. ``stop``
ends the processes and removes all of it.
"""

import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from podium.lakehouse import atomic_files, daemons, processes
from podium.lakehouse.cluster_state import LOGS, STATE, ClusterState, Daemon, registered, state
from podium.lakehouse.daemons import CONNECT, MASTER, Addresses, Size
from podium.lakehouse.errors import LakehouseError

__all__ = ["ClusterState", "Daemon", "Size", "start", "state", "stop"]

FOLDERS = (LOGS, "conf", "tmp", "warehouse", "work")
LOG_FILE = re.compile(r"(master|connect|worker-\d+)(\.log|\..+\.(stdout|stderr))")
LAST_LINES = 15
STACK = re.compile(r"\s+(at |\.\.\. \d+ more)")
FETCHED = re.compile(r"^downloading \S+/([^/\s]+\.jar)", re.MULTILINE)
Say = Callable[[str], None]


def start(
    folder: Path,
    *,
    size: Size | None = None,
    stores: Sequence[str] = (),
    timeout: float = 120.0,
    say: Say = lambda text: None,
) -> ClusterState:
    """Start a cluster and wait until its workers are registered and its Connect server answers.

    A cluster that runs already is left as it is.

    Args:
        folder: where it lives; made if it is not there.
        size: how large it is to be.
        stores: object stores whose jars it needs: ``s3``, ``abfss``, ``gs``.
        timeout: seconds to wait for each step.
        say: told what is going on, line by line.

    Raises:
        LakehouseError: Java or Spark is missing, the folder holds other things, a process ended or took too long; what
            had been started is stopped then.
    """
    from podium.lakehouse.engines.spark import require_java

    folder, size = Path(folder).resolve(), size or Size()
    home = daemons.spark_home()
    require_java()
    with processes.one_at_a_time(0) as free:
        if free:
            return _start(folder, home, size, stores, timeout, say)
    say("Another cluster is being started on this machine: waiting for it")
    with processes.one_at_a_time(timeout) as free:
        if not free:
            raise LakehouseError(f"Another cluster was still being started after {timeout:.0f} s. Try again later.")
        return _start(folder, home, size, stores, timeout, say)


def _start(folder: Path, home: Path, size: Size, stores: Sequence[str], timeout: float, say: Say) -> ClusterState:
    if (running := _running(folder, size, say)) is not None:
        return running
    stop(folder)  # what a killed start or a restart of the machine has left
    _refuse_other_things(folder)
    try:
        return _Start(folder, home, size, timeout, say).run(stores)
    except OSError as cause:
        stop(folder)
        raise LakehouseError(f"The cluster in {folder} did not start: {cause}") from cause
    except BaseException:
        stop(folder)
        raise


def _running(folder: Path, size: Size, say: Say) -> ClusterState | None:
    found = state(folder)
    dead = found.dead() if found else []
    if found is None or not found.complete or len(dead) == len(found.daemons):
        return None
    if dead:
        names = " and ".join(daemon.role for daemon in dead)
        raise LakehouseError(
            f"The cluster in {folder} has lost {names}. See why in {folder / LOGS}, then run podium cluster stop, and "
            "podium cluster start again."
        )
    say(f"A cluster is running in {folder} already: {found.size}")
    if found.size != size:
        say(f"It stays as it is. For {size}: podium cluster stop, then start again")
    return found


def _refuse_other_things(folder: Path) -> None:
    """Stop removes what is in the folder: so it may hold nothing at first but the logs of an earlier cluster."""
    if folder.exists() and not folder.is_dir():
        raise LakehouseError(f"{folder} is a file. Name a folder for the cluster: --folder")
    there = [path for path in folder.rglob("*") if not path.is_dir()] if folder.exists() else []
    foreign = [path for path in there if path.parent != folder / LOGS or not LOG_FILE.fullmatch(path.name)]
    if foreign:
        raise LakehouseError(
            f"{folder} holds other things, such as {foreign[0].name}. Name a folder of its own: --folder"
        )


class _Start:
    """One start: what has been started so far is in ``state.json`` at any moment."""

    def __init__(self, folder: Path, home: Path, size: Size, timeout: float, say: Say):
        self._home, self._timeout, self._say = home, timeout, say
        addresses = Addresses.choose(processes.free_port)
        self._state = ClusterState(folder=folder, size=size, addresses=addresses)
        self._fetched: set[str] = set()

    def run(self, stores: Sequence[str]) -> ClusterState:
        """Start the master; then workers and Connect server together; wait for each."""
        folder, size, at = self._state.folder, self._state.size, self._state.addresses
        self._prepare(stores)
        began = time.monotonic()
        self._spawn(MASTER, daemons.master(self._home, at))
        master = self._state.pid(MASTER)
        self._wait(MASTER, lambda: processes.listens(master, at.ui_port) and processes.listens(master, at.master_port))
        self._say(f"master          {at.master}  {time.monotonic() - began:.0f} s")
        for number in range(1, size.workers + 1):
            role = f"worker-{number}"
            self._spawn(role, daemons.worker(self._home, at, size, folder / "work" / role))
        self._spawn(CONNECT, daemons.connect(self._home))
        self._wait("worker-1", lambda: registered(self._state) >= size.workers)
        self._say(f"workers         {size}  {time.monotonic() - began:.0f} s")
        server = self._state.pid(CONNECT)
        self._wait(CONNECT, lambda: processes.listens(server, at.connect_port))
        self._say(f"Spark Connect   {at.connect}  {time.monotonic() - began:.0f} s")
        self._keep(complete=True)
        return self._state

    def _prepare(self, stores: Sequence[str]) -> None:
        folder = self._state.folder
        folder.mkdir(parents=True, exist_ok=True)
        self._keep()
        shutil.rmtree(folder / LOGS, ignore_errors=True)
        for part in FOLDERS:
            (folder / part).mkdir()
        values = daemons.settings(folder, self._state.addresses, self._state.size, stores)
        (folder / "conf" / "spark-defaults.conf").write_text(daemons.properties(values), encoding="utf-8")

    def _spawn(self, role: str, command: list[str]) -> None:
        folder = self._state.folder
        work = folder / "work" / role
        work.mkdir(parents=True, exist_ok=True)
        heap = {"heap": self._state.size.driver_memory} if role == CONNECT else {}
        env = daemons.environment(self._home, folder, **heap)
        pid = processes.spawn(command, mark=self._state.mark, env=env, cwd=work, log=self._state.log(role))
        self._keep(daemons=(*self._state.daemons, Daemon(role=role, pid=pid)))

    def _keep(self, **changed: object) -> None:
        self._state = self._state.model_copy(update=changed)
        with atomic_files.replace(self._state.folder / STATE) as part:
            part.write_text(self._state.model_dump_json(indent=2))

    def _wait(self, role: str, ready: Callable[[], bool]) -> None:
        def settled() -> bool:
            self._tell_what_is_fetched()
            dead = self._state.dead()
            if dead:
                raise LakehouseError(f"The cluster did not start: {dead[0].role} ended. {self._why(dead[0].role)}")
            return ready()

        if not processes.wait(settled, self._timeout):
            raise LakehouseError(
                f"The cluster did not start: {role} was not ready after {self._timeout:.0f} s (--timeout). "
                f"{self._why(role)}"
            )

    def _tell_what_is_fetched(self) -> None:
        log = self._state.log(CONNECT)
        for name in FETCHED.findall(log.read_text(errors="replace")) if log.exists() else ():
            if name not in self._fetched:
                self._fetched.add(name)
                self._say(f"fetching        {name}")

    def _why(self, role: str) -> str:
        lines = self._state.log(role).read_text(errors="replace").splitlines()
        last = [f"    {line}" for line in lines if line.strip() and not STACK.match(line)][-LAST_LINES:]
        return "\n".join(["Its log ends:", *last]) if last else "Its log is empty."


def stop(folder: Path, *, keep_logs: bool = False) -> int:
    """End the cluster of a folder and remove what it left there.

    Args:
        folder: where the cluster lives.
        keep_logs: leave the logs of its processes, and those of its executors.

    Returns:
        How many processes were ended; executors and their Python processes count too.

    Raises:
        LakehouseError: the folder's ``state.json`` is none of a cluster. Nothing is removed then.
    """
    folder = Path(folder).resolve()
    ended = processes.end(str(folder))
    # Without it the folder is none of ours, whatever the things in it are called.
    if state(folder) is None:
        return ended
    if keep_logs:
        _save_executors_logs(folder)
    for part in FOLDERS:
        if part != LOGS or not keep_logs:
            shutil.rmtree(folder / part, ignore_errors=True)
    # Last, so that a stop that was killed can be run again.
    (folder / STATE).unlink(missing_ok=True)
    with suppress(OSError):  # not empty: other things are there
        folder.rmdir()
    return ended


def _save_executors_logs(folder: Path) -> None:
    """``work/worker-1/app-2013/0/stderr`` becomes ``logs/worker-1.app-2013.0.stderr``."""
    work = folder / "work"
    for log in work.glob("worker-*/app-*/*/std*"):
        log.replace(folder / LOGS / ".".join(log.relative_to(work).parts))
