"""The engine Apache Spark: a driver in a separate JVM, which works alone or uses the cluster of a given master."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError
from podium.private_names import forget_driver, forget_gateway

from .addresses import answers, host_and_port
from .jars import JARS, jar_settings
from .jvm import launch
from .spark_settings import EngineSettings
from .stores import spark_location, store_settings, stores

__all__ = ["DELTA", "ONE_MACHINE", "OPTIONS", "OUT_OF_MEMORY", "Spark", "require_java"]

logger = logging.getLogger(__name__)

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Use few partitions on one machine. Spark's defaults suit hundreds of cores, and cost seconds per write here.
ONE_MACHINE = {
    "spark.driver.memory": "2g",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
# End the JVM when it runs out of memory. Otherwise only one thread dies, and calls that wait for that thread hang.
OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"
OUT_OF_MEMORY_CODE = 3
OPTIONS = "spark.driver.extraJavaOptions"
JAVA = 17
LAST_LINES = 15


class Spark:
    """The engine of the environment staging, and of prod on a Spark cluster."""

    speaks_connect = False
    checks_windows = True
    reads_behind_checkpoints = True

    def __init__(self, settings: EngineSettings):
        assert settings.master is not None
        self._settings = settings
        self._master = settings.master
        self._session: SparkSession | None = None
        self._gateway: Any = None

    def start(self) -> SparkSession:
        """Start the JVM and the driver in it.

        Raises:
            LakehouseError: there is no suitable Java, the master does not answer, or jars are missing.
        """
        require_java()
        if self._master.startswith("spark://") and not answers(self._master):
            raise LakehouseError(
                f"No Spark master answers at {self._master}. Check that it is running (podium cluster status), and the "
                "address in PODIUM_SPARK_MASTER."
            )
        config = self._config()
        log = Path(self._settings.log or Path(tempfile.gettempdir(), f"podium-spark-{os.getpid()}.log"))
        log.parent.mkdir(parents=True, exist_ok=True)
        logger.info("Starting Spark on %s; its log: %s%s", self._master, log, _fetching(config))
        # Hide SPARK_REMOTE from PySpark 4.2. Otherwise PySpark connects to the server that this variable names, not to
        # the configured master.
        remote = os.environ.pop("SPARK_REMOTE", None)
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        try:
            with log.open("ab") as sink:
                self._gateway = launch(config, sink)
            self._session = _session(self._gateway, config)
        except PySparkRuntimeError as cause:
            raise LakehouseError(
                f"Spark did not start on {self._master}. Its log {log} ends with:\n{_end(log)}"
            ) from cause
        finally:
            if remote is not None:
                os.environ["SPARK_REMOTE"] = remote
            if self._session is None:
                self._end_jvm()  # otherwise PySpark would use it for the next session
        self._session.sparkContext.setLogLevel("ERROR")
        return self._session

    def _config(self) -> dict[str, str]:
        used = stores(self._settings.roots)
        local = self._master.startswith("local") or host_and_port(self._master)[0] in {"127.0.0.1", "localhost"}
        return {
            "spark.app.name": "podium",
            "spark.master": self._master,
            **(ONE_MACHINE if local else {}),
            **DELTA,
            **jar_settings(used),
            **store_settings(used),
            **self._settings.config,
            OPTIONS: f"{self._settings.config.get(OPTIONS, '')} {OUT_OF_MEMORY}".strip(),
        }

    def stop(self) -> None:
        """Stop the driver and its JVM."""
        if self._gateway is not None:
            if self.trouble():
                forget_driver()
            elif self._session is not None:
                self._session.stop()
            self._end_jvm()
            self._session = None

    def _end_jvm(self) -> None:
        if self._gateway is None:
            return
        self._gateway.shutdown()
        self._gateway.proc.stdin.close()
        try:
            self._gateway.proc.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._gateway.proc.kill()
            self._gateway.proc.wait()
        forget_gateway()
        self._gateway = None

    def trouble(self) -> str | None:
        """Describe what is wrong with the driver. None if it is running."""
        if self._session is None or self._gateway.proc.poll() is None:
            return None
        if self._gateway.proc.returncode == OUT_OF_MEMORY_CODE:
            return f"The Spark driver on {self._master} ran out of memory. Give it more with spark.driver.memory."
        return f"The Spark driver on {self._master} has ended. See its log for the cause, then run the command again."

    def location(self, path: str) -> str:
        """Convert a path to Spark's form: ``s3://`` becomes ``s3a://``."""
        return spark_location(path)


def _session(gateway: Any, config: dict[str, str]) -> SparkSession:
    """Start the driver in the JVM that ``gateway`` is connected to."""
    from pyspark import SparkConf, SparkContext

    return SparkSession(SparkContext(gateway=gateway, conf=SparkConf().setAll(list(config.items()))))


def require_java() -> None:
    """Raise if there is no Java that Spark can run on."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    where = f"in JAVA_HOME ({home})" if home else "on the PATH"
    if java is None:
        raise LakehouseError(
            f"Spark needs Java {JAVA} or later, and there is none {where}. Install Java, for instance by apt install "
            f"openjdk-{JAVA}-jre-headless or brew install openjdk@{JAVA}; or run in dev, which needs no Java."
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    if said.returncode or found is None or int(found[1]) < JAVA:
        text = (said.stderr or said.stdout).strip().splitlines()
        raise LakehouseError(
            f"Spark needs Java {JAVA} or later, but {java} reports: {text[0] if text else said.returncode}. Install a "
            "newer Java, or set JAVA_HOME to its folder."
        )


def _fetching(config: dict[str, str]) -> str:
    """The part of the log line that names the packages to download. Empty if all are cached."""
    cache = Path(config.get("spark.jars.ivy", Path.home() / ".ivy2.5.2"), "jars")
    names = config.get("spark.jars.packages", "").split(",")
    missing = [name for name in names if name and not _cached(cache, name)]
    if not missing:
        return ""
    return f". The first start downloads these packages from Maven Central, which takes a while: {', '.join(missing)}"


def _cached(cache: Path, coordinates: str) -> bool:
    group, name, release = coordinates.split(":")
    return (cache / f"{group}_{name}-{release}.jar").exists()


def _end(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
    text = "\n".join(f"    {line}" for line in lines)
    if "unresolved dependency" in text or "UNRESOLVED DEPENDENCIES" in text:
        text += f"\nMaven Central cannot be reached or lacks these jars. Set {JARS} to a folder that holds them."
    return text
