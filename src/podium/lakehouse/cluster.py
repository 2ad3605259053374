"""Start and stop a local Spark cluster: a master, workers and a Spark Connect server that reads and writes Delta.

The cluster keeps all of its files in one folder: ``state.json``, settings, logs, work folders and a warehouse. ``stop``
ends the processes and removes these files.
"""

import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from podium.lakehouse import atomic_files, daemons, processes
from podium.lakehouse.cluster_master import registered
from podium.lakehouse.cluster_state import LOGS, STATE, ClusterState, Daemon, state
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

    A no-op if the folder's cluster is already running.

    Args:
        folder: the cluster's folder, created if missing.
        size: number and size of the workers.
        stores: object stores whose jars the cluster needs: ``s3``, ``abfss``, ``gs``.
        timeout: seconds to wait for each step.
        say: called with each line of progress.

    Raises:
        LakehouseError: Java or Spark is missing, the folder holds files that do not belong to a cluster, or a process
            ended or took too long. The processes started so far are stopped before this is raised.
    """
    from podium.lakehouse.engines.spark import require_java

    folder, size = Path(folder).resolve(), size or Size()
    home = daemons.spark_home()
    require_java()
    with processes.one_at_a_time(0) as free:
        if free:
            return _start(folder, home, size, stores, timeout, say)
    say("Another cluster is starting on this machine; waiting until it has started")
    with processes.one_at_a_time(timeout) as free:
        if not free:
            raise LakehouseError(
                f"The cluster in {folder} did not start, because another cluster is starting on this machine and was "
                f"not ready after {timeout:.0f} s. Try again later."
            )
        return _start(folder, home, size, stores, timeout, say)


def _start(folder: Path, home: Path, size: Size, stores: Sequence[str], timeout: float, say: Say) -> ClusterState:
    if (running := _running(folder, size, say)) is not None:
        return running
    stop(folder)  # remove what an earlier cluster left behind if its start was killed or the machine rebooted
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
        names = ", ".join(daemon.role for daemon in dead)
        raise LakehouseError(
            f"Processes of the cluster in {folder} have ended: {names}. See the logs in {folder / LOGS} for the cause. "
            "Then run podium cluster stop and podium cluster start."
        )
    say(f"A cluster is already running in {folder}: {found.size}")
    if found.size != size:
        say(f"Its size stays as it is. To get {size}, run podium cluster stop and start it again")
    return found


def _refuse_other_things(folder: Path) -> None:
    """Raise if the folder holds files other than logs of an earlier cluster, because ``stop`` could remove them."""
    if folder.exists() and not folder.is_dir():
        raise LakehouseError(f"{folder} is a file, but a cluster needs a folder. Name a folder with --folder.")
    there = [path for path in folder.rglob("*") if not path.is_dir()] if folder.exists() else []
    foreign = [path for path in there if path.parent != folder / LOGS or not LOG_FILE.fullmatch(path.name)]
    if foreign:
        raise LakehouseError(
            f"{folder} holds files that do not belong to a cluster, such as {foreign[0].name}. Name an empty folder "
            "for the cluster with --folder."
        )


class _Start:
    """Starts one cluster. ``state.json`` is written first, so that ``stop`` can clean up after a killed start."""

    def __init__(self, folder: Path, home: Path, size: Size, timeout: float, say: Say):
        self._home, self._timeout, self._say = home, timeout, say
        addresses = Addresses.choose(processes.free_port)
        self._state = ClusterState(folder=folder, size=size, addresses=addresses)
        self._fetched: set[str] = set()

    def run(self, stores: Sequence[str]) -> ClusterState:
        """Start the master, then the workers and the Connect server in parallel, and wait until all are ready."""
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
        self._wait("worker-1", lambda: registered(at) >= size.workers)
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
            self._say_what_is_fetched()
            dead = self._state.dead()
            if dead:
                raise LakehouseError(
                    f"The cluster did not start: the process {dead[0].role} ended. {self._why(dead[0].role)}"
                )
            return ready()

        if not processes.wait(settled, self._timeout):
            raise LakehouseError(
                f"The cluster did not start: the process {role} was not ready after {self._timeout:.0f} s. Allow "
                f"more time with --timeout. {self._why(role)}"
            )

    def _say_what_is_fetched(self) -> None:
        log = self._state.log(CONNECT)
        for name in FETCHED.findall(log.read_text(errors="replace")) if log.exists() else ():
            if name not in self._fetched:
                self._fetched.add(name)
                self._say(f"fetching        {name}")

    def _why(self, role: str) -> str:
        lines = self._state.log(role).read_text(errors="replace").splitlines()
        last = [f"    {line}" for line in lines if line.strip() and not STACK.match(line)][-LAST_LINES:]
        return "\n".join(["Its log ends with:", *last]) if last else "Its log is empty."


def stop(folder: Path, *, keep_logs: bool = False) -> int:
    """End all processes of the cluster in a folder, and remove the cluster's files.

    Args:
        folder: the cluster's folder.
        keep_logs: keep the logs of the cluster's processes and executors.

    Returns:
        The number of processes that were ended, including executors and their Python processes.

    Raises:
        LakehouseError: ``state.json`` does not describe a cluster. The processes have ended, but no file is removed.
    """
    folder = Path(folder).resolve()
    ended = processes.end(str(folder))
    # Remove no file if there is no state.json: the folder's files do not belong to a cluster, even if they are named
    # like a cluster's files.
    if state(folder) is None:
        return ended
    if keep_logs:
        _save_executors_logs(folder)
    for part in FOLDERS:
        if part != LOGS or not keep_logs:
            shutil.rmtree(folder / part, ignore_errors=True)
    # Remove state.json last, so that a stop that was killed can be repeated: without this file, stop removes nothing.
    (folder / STATE).unlink(missing_ok=True)
    # rmdir fails if the folder holds kept logs or files that do not belong to the cluster.
    with suppress(OSError):
        folder.rmdir()
    return ended


def _save_executors_logs(folder: Path) -> None:
    """Move the logs of the executors into the folder for logs.

    ``work/worker-1/app-2013/0/stderr`` becomes ``logs/worker-1.app-2013.0.stderr``.
    """
    work = folder / "work"
    for log in work.glob("worker-*/app-*/*/std*"):
        log.replace(folder / LOGS / ".".join(log.relative_to(work).parts))
