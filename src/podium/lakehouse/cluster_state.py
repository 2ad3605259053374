"""The state of a local Spark cluster, as the ``state.json`` in its folder records it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from podium.lakehouse import processes
from podium.lakehouse.daemons import Addresses, Size
from podium.lakehouse.errors import LakehouseError

__all__ = ["LOGS", "STATE", "ClusterState", "Daemon", "state"]

STATE = "state.json"
LOGS = "logs"


class Daemon(BaseModel):
    """One process of a cluster: its role (``master``, ``worker-1``, ``connect``) and its process id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    pid: int


class ClusterState(BaseModel):
    """A cluster as ``state.json`` records it: folder, size, addresses and processes.

    Attributes:
        complete: whether the start finished. False while the start is running, or if it was killed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    size: Size
    addresses: Addresses
    daemons: tuple[Daemon, ...] = ()
    complete: bool = False

    @property
    def mark(self) -> str:
        """The value of the environment variable that marks the cluster's processes: the path of its folder."""
        return str(self.folder)

    def pid(self, role: str) -> int:
        """The process id of the process that has the given role, such as ``worker-1``."""
        return next(daemon.pid for daemon in self.daemons if daemon.role == role)

    def dead(self) -> list[Daemon]:
        """The processes of the cluster that have ended."""
        return [daemon for daemon in self.daemons if not processes.alive(daemon.pid, self.mark)]

    def log(self, role: str) -> Path:
        """The log file of the process that has the given role, such as ``worker-1``."""
        return self.folder / LOGS / f"{role}.log"


def state(folder: Path) -> ClusterState | None:
    """Read the state of the cluster in a folder. None if the folder holds no cluster.

    Raises:
        LakehouseError: ``state.json`` cannot be read or is not the state of a cluster.
    """
    file = Path(folder).resolve() / STATE
    try:
        return ClusterState.model_validate_json(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, OSError, UnicodeError) as cause:
        raise LakehouseError(
            f"{file} does not describe a cluster, so no file in its folder was removed. podium cluster stop can still "
            "end the processes that were started there. Remove the folder yourself, or name another with --folder."
        ) from cause
