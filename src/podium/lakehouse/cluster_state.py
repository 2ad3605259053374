"""What is known of a cluster: what its folder says, and what its master answers."""

import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from podium.lakehouse import processes
from podium.lakehouse.daemons import HOST, Addresses, Size
from podium.lakehouse.errors import LakehouseError

__all__ = ["ALIVE", "LOGS", "STATE", "ClusterState", "Daemon", "ask", "registered", "state"]

STATE = "state.json"
LOGS = "logs"
SECONDS = 5
ALIVE = "ALIVE"


class Daemon(BaseModel):
    """One process of a cluster: its role (``master``, ``worker-1``, ``connect``) and its id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    pid: int


class ClusterState(BaseModel):
    """A cluster as its folder describes it.

    Attributes:
        complete: whether its start came to an end; otherwise the start was killed half-way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    size: Size
    addresses: Addresses
    daemons: tuple[Daemon, ...] = ()
    complete: bool = False

    @property
    def mark(self) -> str:
        """What its processes carry in their environment."""
        return str(self.folder)

    def pid(self, role: str) -> int:
        """The id of the process with that role."""
        return next(daemon.pid for daemon in self.daemons if daemon.role == role)

    def dead(self) -> list[Daemon]:
        """Its processes that have ended."""
        return [daemon for daemon in self.daemons if not processes.alive(daemon.pid, self.mark)]

    def log(self, role: str) -> Path:
        """Where the process with that role writes."""
        return self.folder / LOGS / f"{role}.log"


def state(folder: Path) -> ClusterState | None:
    """The cluster in a folder, or None.

    Raises:
        LakehouseError: its ``state.json`` cannot be understood.
    """
    file = Path(folder).resolve() / STATE
    try:
        return ClusterState.model_validate_json(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, OSError, UnicodeError) as cause:
        raise LakehouseError(
            f"{file} describes no cluster. Processes that were started here are ended by podium cluster stop; remove "
            "the folder yourself, or name another: --folder"
        ) from cause


def ask(found: ClusterState) -> dict[str, Any] | None:
    """What the master's REST says of itself, or None where it does not answer."""
    connection = HTTPConnection(HOST, found.addresses.ui_port, timeout=SECONDS)
    try:
        connection.request("GET", "/json/")
        return json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def registered(found: ClusterState) -> int:
    """How many workers the master counts as alive."""
    return sum(worker["state"] == ALIVE for worker in (ask(found) or {}).get("workers", ()))
