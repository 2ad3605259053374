"""The status of a local Spark cluster: its workers and applications, and the processes that have ended."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from podium.lakehouse import processes
from podium.lakehouse.cluster_master import Application, MasterAnswer, Worker, ask
from podium.lakehouse.cluster_state import ClusterState, state
from podium.lakehouse.daemons import CONNECT

__all__ = ["Application", "Status", "Worker", "status"]


class Status(BaseModel):
    """The current status of a cluster: its addresses, processes, workers and applications, and what has failed.

    Attributes:
        state: ``running``, ``degraded`` (a part of the cluster has failed; ``trouble`` names it) or ``stopped``.
        processes: role, process id, and whether the process is alive.
    """

    model_config = ConfigDict(frozen=True)

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
    """Check the cluster in a folder, and return its status."""
    found = state(folder)
    if found is None:
        return Status(running=False, state="stopped", folder=str(Path(folder).resolve()))
    dead = {daemon.pid for daemon in found.dead()}
    answer = ask(found.addresses)
    trouble = _trouble(found, answer)
    stopped = len(dead) == len(found.daemons)
    known = answer or MasterAnswer()
    return Status(
        running=not trouble,
        state="stopped" if stopped else "degraded" if trouble else "running",
        folder=str(found.folder),
        master=found.addresses.master,
        connect=found.addresses.connect,
        ui=found.addresses.ui,
        trouble=trouble,
        processes=tuple({**daemon.model_dump(), "alive": daemon.pid not in dead} for daemon in found.daemons),
        workers=tuple(sorted(known.workers, key=lambda worker: worker.id)),
        applications=known.applications,
        completed=known.completed,
    )


def _trouble(found: ClusterState, answer: MasterAnswer | None) -> tuple[str, ...]:
    dead = found.dead()
    trouble = [f"{daemon.role} (process {daemon.pid}) has ended; its log: {found.log(daemon.role)}" for daemon in dead]
    if not found.complete:
        trouble.append("the start of the cluster has not finished")
        return tuple(trouble)
    gone = {daemon.role for daemon in dead}
    if answer is None and "master" not in gone:
        trouble.append(f"the master does not answer at {found.addresses.ui}")
    expected = sum(role.startswith("worker-") and role not in gone for role in (each.role for each in found.daemons))
    if answer is not None and answer.alive < expected:
        trouble.append(f"the master counts {answer.alive} of {expected} workers as alive")
    if CONNECT not in gone and not processes.listens(found.pid(CONNECT), found.addresses.connect_port):
        trouble.append(f"nothing listens at {found.addresses.connect}")
    return tuple(trouble)
