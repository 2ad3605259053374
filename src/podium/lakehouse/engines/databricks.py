"""Databricks: the session that its runtime provides, or the package databricks-connect."""

from __future__ import annotations

import logging
import os

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError

from .spark_settings import EngineSettings

__all__ = ["Databricks"]

logger = logging.getLogger(__name__)

# Serverless compute takes few settings; the others say how to be fast, and it decides about that by itself.
NOT_TAKEN = "CONFIG_NOT_AVAILABLE"
NEEDED = "spark.sql.session.timeZone"


class Databricks:
    """The engine of prod on Databricks. The runtime owns the session: it is used, and never stopped."""

    # On its runtime PySpark knows by itself which kind of session it has.
    speaks_connect = None
    checks_windows = True

    def __init__(self, settings: EngineSettings):
        self._config = settings.config

    def start(self) -> SparkSession:
        """The runtime's session; outside of it, one of databricks-connect.

        Raises:
            LakehouseError: this is no Databricks runtime, and databricks-connect is not installed.
        """
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            session = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
        else:
            try:
                from databricks.connect import DatabricksSession
            except ImportError as cause:
                raise LakehouseError(
                    "The engine 'databricks' needs its runtime, or the package databricks-connect in an environment "
                    "of its own: it brings another PySpark. Run: pip install databricks-connect"
                ) from cause
            session = DatabricksSession.builder.getOrCreate()
        for key, value in self._config.items():
            try:
                session.conf.set(key, value)
            except PySparkException as refused:
                if key == NEEDED or NOT_TAKEN not in str(refused):
                    raise
                logger.warning("This compute does not take the setting %s, and decides about that by itself.", key)
        return session

    def stop(self) -> None:
        """Nothing: the session is the runtime's."""

    def trouble(self) -> str | None:
        """The runtime looks after itself."""
        return None

    def location(self, path: str) -> str:
        """Databricks names paths as everyone does."""
        return path
