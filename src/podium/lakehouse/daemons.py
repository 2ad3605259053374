"""The processes of a standalone Spark cluster: their commands, environment and settings, all on the loopback interface.

Spark is the one that the Python package ``pyspark`` brings along; nothing else has to be installed but Java.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.extras import how_to_install

__all__ = [
    "CONNECT",
    "MASTER",
    "Addresses",
    "Size",
    "connect",
    "environment",
    "master",
    "properties",
    "settings",
    "spark_home",
    "worker",
]

MASTER, CONNECT = "master", "connect"
HOST = "127.0.0.1"
MEMORY = r"^[1-9]\d*[mg]$"


class Size(BaseModel):
    """How large a cluster is.

    Attributes:
        workers: how many.
        cores: of each worker.
        memory: of each worker, such as ``2g`` or ``1500m``; an executor of the Connect server takes all of it.
        driver_memory: heap of the Connect server.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int = Field(default=2, ge=1)
    cores: int = Field(default=1, ge=1)
    memory: str = Field(default="2g", pattern=MEMORY)
    driver_memory: str = Field(default="2g", pattern=MEMORY)

    def __str__(self) -> str:
        cores = f"{self.cores} core" + "s" * (self.cores > 1)
        return f"{self.workers} worker{'s' * (self.workers > 1)}, {cores} and {self.memory} each"


class Addresses(BaseModel):
    """Where a cluster listens: the ports of the master, its page, the Connect server and that one's page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    master_port: int
    ui_port: int
    connect_port: int
    application_port: int

    @classmethod
    def choose(cls, port: Callable[[int], int]) -> "Addresses":
        """Spark's usual ports, or what ``port`` makes of them."""
        usual = {"master_port": 7077, "ui_port": 8080, "connect_port": 15002, "application_port": 4040}
        return cls(**{name: port(number) for name, number in usual.items()})

    @property
    def master(self) -> str:
        """For PODIUM_SPARK_MASTER."""
        return f"spark://{HOST}:{self.master_port}"

    @property
    def connect(self) -> str:
        """For SPARK_REMOTE."""
        return f"sc://{HOST}:{self.connect_port}"

    @property
    def ui(self) -> str:
        """The master's page."""
        return f"http://{HOST}:{self.ui_port}"


def spark_home() -> Path:
    """The folder of Spark inside the Python package.

    Raises:
        LakehouseError: there is none, or one without Spark's own jars (databricks-connect brings such a one).
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakehouseError(f"A cluster needs Spark, and pyspark is not installed. {how_to_install('local')}")
    home = Path(spec.origin).parent
    if not any(home.glob("jars/spark-connect_*.jar")):
        raise LakehouseError(
            f"A cluster needs Spark's jars, and {home} has none: databricks-connect takes the place of pyspark. Make "
            f"an environment without it. {how_to_install('local')}"
        )
    return home


def master(home: Path, at: Addresses) -> list[str]:
    """The command of the master."""
    where = ["--host", HOST, "--port", str(at.master_port), "--webui-port", str(at.ui_port)]
    return [str(home / "bin" / "spark-class"), "org.apache.spark.deploy.master.Master", *where]


def worker(home: Path, at: Addresses, size: Size, work: Path) -> list[str]:
    """The command of a worker; it takes any free ports for itself."""
    own = ["--host", HOST, "--cores", str(size.cores), "--memory", size.memory, "--webui-port", "0"]
    name = "org.apache.spark.deploy.worker.Worker"
    return [str(home / "bin" / "spark-class"), name, *own, "--work-dir", str(work), at.master]


def connect(home: Path) -> list[str]:
    """The command of the Connect server; what it needs to know is in the settings."""
    return [str(home / "bin" / "spark-submit"), "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]


def environment(home: Path, folder: Path, *, heap: str = "512m") -> dict[str, str]:
    """The environment of each of them: this one, without what it says about another Spark.

    Args:
        home: the folder of Spark.
        folder: the cluster's own.
        heap: of the process. Spark starts the Connect server as it starts a master: by this, and not by its own
            ``spark.driver.memory``.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    return {
        **kept,
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_PUBLIC_DNS": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "tmp"),
        "SPARK_DAEMON_MEMORY": heap,
        "SPARK_DAEMON_JAVA_OPTS": _temporary(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def settings(folder: Path, at: Addresses, size: Size, stores: Sequence[str] = ()) -> dict[str, str]:
    """What ``spark-defaults.conf`` says to all of them.

    The Connect server takes workers when there is work and gives them back when there is none for half a minute:
    another application (PODIUM_SPARK_MASTER) would otherwise wait for a core until the server ends.
    """
    from podium.lakehouse.engines.jars import jar_settings
    from podium.lakehouse.engines.spark import DELTA, ONE_MACHINE, OPTIONS, OUT_OF_MEMORY
    from podium.lakehouse.engines.stores import store_settings

    return {
        **ONE_MACHINE,
        **DELTA,
        **jar_settings(stores),
        **store_settings(stores),
        "spark.app.name": "podium-connect",
        "spark.master": at.master,
        # Two clusters must not take each other's ports: whose port is gone ends, instead of trying the next one.
        "spark.port.maxRetries": "0",
        "spark.master.rest.enabled": "false",
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(at.connect_port),
        "spark.ui.enabled": "true",
        "spark.ui.port": str(at.application_port),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.memory": size.driver_memory,
        OPTIONS: f"{_temporary(folder)} {OUT_OF_MEMORY}",
        "spark.executor.extraJavaOptions": _temporary(folder),
        "spark.executor.cores": str(size.cores),
        "spark.executor.memory": size.memory,
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "0",
        "spark.dynamicAllocation.executorIdleTimeout": "30s",
        # Delta caches the state of every table that it reads: without a limit no worker would ever be given back.
        "spark.dynamicAllocation.cachedExecutorIdleTimeout": "30s",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.timeout": "30s",
    }


def properties(values: dict[str, str]) -> str:
    """The same as text: one setting a line, written so that Java reads back what was meant."""
    return "".join(f"{key} {_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


def _temporary(folder: Path) -> str:
    return f'-Djava.io.tmpdir="{folder / "tmp"}"'
