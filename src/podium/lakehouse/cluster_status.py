"""How a cluster is: what its master knows of workers and applications, and which of its processes have ended."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podium.lakehouse import processes
from podium.lakehouse.cluster_state import ALIVE, ClusterState, ask, state
from podium.lakehouse.daemons import CONNECT

__all__ = ["Application", "Status", "Worker", "status"]


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker as the master knows it; ``memory`` in MB, ``state`` in Spark's words, such as ALIVE or DEAD."""

    id: str
    host: str
    cores: int
    memory: int
    state: str


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application as the master knows it; ``cores`` are those it holds now.

    It is WAITING until it got its first core, then RUNNING, then FINISHED, FAILED or KILLED.
    """

    id: str
    name: str
    state: str
    cores: int
    user: str
    started: datetime


@dataclass(frozen=True, kw_only=True)
class Status:
    """A cluster as it is now.

    Attributes:
        state: ``running``, ``degraded`` (a part of it is gone; ``trouble`` says which) or ``stopped``.
        processes: role, process id, and whether it is alive.
    """

    running: bool
    state: str
    folder: str
    master: str | None = None
    connect: str | None = None
    ui: str | None = None
    trouble: tuple[str, ...] = ()
    processes: tuple[dict[str, Any], ...] = ()
    workers: tuple[Worker, ...] = ()
    applications: tuple[Application, ...] = ()
    completed: tuple[Application, ...] = ()


def status(folder: Path) -> Status:
    """How the cluster of a folder is."""
    found = state(folder)
    if found is None:
        return Status(running=False, state="stopped", folder=str(Path(folder).resolve()))
    dead = {daemon.pid for daemon in found.dead()}
    answer = ask(found)
    trouble = _trouble(found, answer)
    stopped = len(dead) == len(found.daemons)
    return Status(
        running=not trouble,
        state="stopped" if stopped else "degraded" if trouble else "running",
        folder=str(found.folder),
        master=found.addresses.master,
        connect=found.addresses.connect,
        ui=found.addresses.ui,
        trouble=trouble,
        processes=tuple({**daemon.model_dump(), "alive": daemon.pid not in dead} for daemon in found.daemons),
        workers=tuple(sorted(map(_worker, (answer or {}).get("workers", ())), key=lambda worker: worker.id)),
        applications=tuple(map(_application, (answer or {}).get("activeapps", ()))),
        completed=tuple(map(_application, (answer or {}).get("completedapps", ()))),
    )


def _trouble(found: ClusterState, answer: dict[str, Any] | None) -> tuple[str, ...]:
    dead = found.dead()
    trouble = [f"{daemon.role} (process {daemon.pid}) has ended; its log: {found.log(daemon.role)}" for daemon in dead]
    if not found.complete:
        trouble.append("its start has not come to an end")
        return tuple(trouble)
    gone = {daemon.role for daemon in dead}
    if answer is None and "master" not in gone:
        trouble.append(f"the master does not answer at {found.addresses.ui}")
    expected = sum(role.startswith("worker-") and role not in gone for role in (each.role for each in found.daemons))
    counted = sum(worker["state"] == ALIVE for worker in (answer or {}).get("workers", ()))
    if answer is not None and counted < expected:
        trouble.append(f"the master counts {counted} of {expected} workers")
    if CONNECT not in gone and not processes.listens(found.pid(CONNECT), found.addresses.connect_port):
        trouble.append(f"nothing answers at {found.addresses.connect}")
    return tuple(trouble)


def _worker(said: dict[str, Any]) -> Worker:
    return Worker(**{name: said[name] for name in ("id", "host", "cores", "memory", "state")})


def _application(said: dict[str, Any]) -> Application:
    started = datetime.fromtimestamp(said["starttime"] / 1000, UTC)
    return Application(**{name: said[name] for name in ("id", "name", "state", "cores", "user")}, started=started)
