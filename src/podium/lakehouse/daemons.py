"""Commands, environment variables and settings for the processes of a local Spark cluster, which listen on loopback.

The processes run the Spark that the Python package ``pyspark`` contains, so only Java must be installed in addition.
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
    """The number of workers of a cluster, and the cores and memory of its processes.

    Attributes:
        workers: number of workers.
        cores: cores of each worker.
        memory: memory of each worker, such as ``2g`` or ``1500m``. An executor of the Connect server takes all of it.
        driver_memory: heap size of the Connect server.
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
    """The four ports of a cluster: of the master, of its web UI, of the Connect server, and of the server's web UI."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    master_port: int
    ui_port: int
    connect_port: int
    application_port: int

    @classmethod
    def choose(cls, port: Callable[[int], int]) -> "Addresses":
        """Choose the ports. ``port`` is called with each of Spark's default ports, and returns the port to use."""
        usual = {"master_port": 7077, "ui_port": 8080, "connect_port": 15002, "application_port": 4040}
        return cls(**{name: port(number) for name, number in usual.items()})

    @property
    def master(self) -> str:
        """The master's URL: the value for the variable PODIUM_SPARK_MASTER."""
        return f"spark://{HOST}:{self.master_port}"

    @property
    def connect(self) -> str:
        """The Connect server's URL: the value for the variable SPARK_REMOTE."""
        return f"sc://{HOST}:{self.connect_port}"

    @property
    def ui(self) -> str:
        """The URL of the master's web UI."""
        return f"http://{HOST}:{self.ui_port}"


def spark_home() -> Path:
    """The folder of the Spark that the Python package ``pyspark`` contains.

    Raises:
        LakehouseError: pyspark is not installed, or has no Spark jars, as when databricks-connect replaces it.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakehouseError(f"A cluster needs Spark, but pyspark is not installed. {how_to_install('local')}")
    home = Path(spec.origin).parent
    if not any(home.glob("jars/spark-connect_*.jar")):
        raise LakehouseError(
            f"A cluster needs Spark's jars, and {home} has none, because databricks-connect replaces pyspark. Make a "
            f"virtual environment without databricks-connect. {how_to_install('local')}"
        )
    return home


def master(home: Path, at: Addresses) -> list[str]:
    """The command that runs the master."""
    where = ["--host", HOST, "--port", str(at.master_port), "--webui-port", str(at.ui_port)]
    return [str(home / "bin" / "spark-class"), "org.apache.spark.deploy.master.Master", *where]


def worker(home: Path, at: Addresses, size: Size, work: Path) -> list[str]:
    """The command that runs a worker. The worker listens on free ports that the system chooses."""
    own = ["--host", HOST, "--cores", str(size.cores), "--memory", size.memory, "--webui-port", "0"]
    name = "org.apache.spark.deploy.worker.Worker"
    return [str(home / "bin" / "spark-class"), name, *own, "--work-dir", str(work), at.master]


def connect(home: Path) -> list[str]:
    """The command that runs the Connect server, which reads its settings from ``spark-defaults.conf``."""
    return [str(home / "bin" / "spark-submit"), "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]


def environment(home: Path, folder: Path, *, heap: str = "512m") -> dict[str, str]:
    """The environment variables for a process of the cluster.

    This process's own variables that begin with SPARK_ or PYSPARK_ are left out: they can configure another Spark.

    Args:
        home: the folder of Spark.
        folder: the cluster's folder.
        heap: heap size of the process. It also sets the heap of the Connect server, which Spark starts as a daemon:
            ``spark.driver.memory`` has no effect on it.
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
    """The settings for ``spark-defaults.conf``, which all processes of the cluster read.

    The Connect server starts executors when it has work, and releases them after 30 idle seconds. If it kept them,
    an application that uses the master directly (PODIUM_SPARK_MASTER) would wait for a core until the server ends.
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
        # Fail if a port is taken. By default Spark takes the next port, which may be reserved for another cluster.
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
        # After this idle time, Spark also releases executors that hold cached blocks. Delta caches the state of every
        # table that it reads, so the Connect server would otherwise keep all of its executors.
        "spark.dynamicAllocation.cachedExecutorIdleTimeout": "30s",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.timeout": "30s",
    }


def properties(values: dict[str, str]) -> str:
    """Format settings as a Java properties file, one per line, with backslashes escaped."""
    return "".join(f"{key} {_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


def _temporary(folder: Path) -> str:
    return f'-Djava.io.tmpdir="{folder / "tmp"}"'
