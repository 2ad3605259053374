"""Ask a Spark master which workers and applications it has, by HTTP at the port of its web UI."""

from datetime import datetime
from http.client import HTTPConnection, HTTPException

from pydantic import BaseModel, ConfigDict, Field

from podium.lakehouse.daemons import HOST, Addresses

__all__ = ["Application", "MasterAnswer", "Worker", "ask", "registered"]

SECONDS = 5
ALIVE = "ALIVE"


class Worker(BaseModel):
    """A worker, as the master reports it. ``memory`` is in MB. ``state`` is Spark's word, such as ALIVE or DEAD."""

    model_config = ConfigDict(frozen=True)

    id: str
    host: str
    cores: int
    memory: int
    state: str


class Application(BaseModel):
    """A Spark application, as the master reports it. ``cores`` is the number of cores that it holds now.

    Its state is WAITING until it gets its first core, then RUNNING, then FINISHED, FAILED or KILLED.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    state: str
    cores: int
    user: str
    started: datetime = Field(validation_alias="starttime")


class MasterAnswer(BaseModel):
    """The workers and applications that a master reports. The defaults stand for a master that did not answer."""

    model_config = ConfigDict(frozen=True)

    workers: tuple[Worker, ...] = ()
    applications: tuple[Application, ...] = Field(default=(), validation_alias="activeapps")
    completed: tuple[Application, ...] = Field(default=(), validation_alias="completedapps")

    @property
    def alive(self) -> int:
        """The number of workers that the master counts as alive."""
        return sum(worker.state == ALIVE for worker in self.workers)


def ask(addresses: Addresses) -> MasterAnswer | None:
    """Ask the master of a cluster for its workers and applications. None if the master does not answer."""
    connection = HTTPConnection(HOST, addresses.ui_port, timeout=SECONDS)
    try:
        connection.request("GET", "/json/")
        return MasterAnswer.model_validate_json(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def registered(addresses: Addresses) -> int:
    """The number of workers that the master of a cluster counts as alive, 0 if the master does not answer."""
    return (ask(addresses) or MasterAnswer()).alive
