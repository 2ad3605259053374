"""The engine Databricks: the session of the Databricks runtime, or one that the package databricks-connect creates."""

from __future__ import annotations

import logging
import os

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError

from .spark_settings import EngineSettings

__all__ = ["Databricks"]

logger = logging.getLogger(__name__)

# Serverless compute refuses most settings with the error CONFIG_NOT_AVAILABLE. Leave those settings out: they only tune
# performance, which serverless compute does itself.
NOT_TAKEN = "CONFIG_NOT_AVAILABLE"
NEEDED = "spark.sql.session.timeZone"


class Databricks:
    """The engine of prod on Databricks. The runtime owns the session, so Podium never stops it."""

    # None lets PySpark decide: on the Databricks runtime, PySpark itself detects whether to use Spark Connect.
    speaks_connect = None
    checks_windows = True
    reads_behind_checkpoints = True

    def __init__(self, settings: EngineSettings):
        self._config = settings.config

    def start(self) -> SparkSession:
        """Return the runtime's session or, outside of the runtime, create one with databricks-connect.

        Raises:
            LakehouseError: this is not a Databricks runtime, and databricks-connect is not installed.
        """
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            session = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
        else:
            try:
                from databricks.connect import DatabricksSession
            except ImportError as cause:
                raise LakehouseError(
                    "The engine 'databricks' needs the Databricks runtime or the package databricks-connect. Install "
                    "the package in a virtual environment of its own, because it replaces PySpark: pip install "
                    "databricks-connect"
                ) from cause
            session = DatabricksSession.builder.getOrCreate()
        for key, value in self._config.items():
            try:
                session.conf.set(key, value)
            except PySparkException as refused:
                if key == NEEDED or NOT_TAKEN not in str(refused):
                    raise
                logger.warning("Databricks does not accept the setting %s on this compute, so it is ignored.", key)
        return session

    def stop(self) -> None:
        """Do nothing, because the runtime owns the session."""

    def trouble(self) -> str | None:
        """Return None, because the Databricks runtime monitors its session itself."""
        return None

    def location(self, path: str) -> str:
        """Return the path unchanged, because Databricks reads it as it is."""
        return path
