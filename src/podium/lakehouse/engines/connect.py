"""The engine Spark Connect: a session on a remote server."""

from __future__ import annotations

import re

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError

from .addresses import answers
from .jars import S3_COMMITS, packages
from .patience import be_impatient, end_session
from .spark import DELTA
from .spark_settings import EngineSettings
from .stores import LOG_STORE, spark_location, stores

__all__ = ["Connect"]


class Connect:
    """The engine of prod on a cluster that offers Spark Connect."""

    speaks_connect = True
    checks_windows = True
    reads_behind_checkpoints = True

    def __init__(self, settings: EngineSettings):
        assert settings.remote is not None
        self._settings = settings
        self._remote = settings.remote
        self._session: SparkSession | None = None

    @property
    def _where(self) -> str:
        """The server's address as messages show it: without parameters, because they can contain a token."""
        return re.sub(r"/;.*", "", self._remote)

    def start(self) -> SparkSession:
        """Connect to the server and check that it can read and write Delta tables.

        Raises:
            LakehouseError: no server answers, or it has another version of Spark or no Delta.
        """
        if not answers(self._remote):
            raise LakehouseError(
                f"No Spark Connect server answers at {self._where}. Check that it is running (podium cluster status), "
                "and the address in SPARK_REMOTE."
            )
        try:
            self._session = SparkSession.builder.remote(self._remote).create()
            be_impatient(self._session)
            self._require_delta(self._session)
            self._require_s3_commits(self._session)
            for key, value in self._settings.config.items():
                self._session.conf.set(key, value)
        except PySparkException as cause:
            self.stop()
            raise LakehouseError(f"The Spark Connect server at {self._where} refused the session: {cause}") from cause
        except LakehouseError:
            self.stop()
            raise
        return self._session

    def _require_delta(self, session: SparkSession) -> None:
        import pyspark

        mine, theirs = (version.split(".")[:2] for version in (pyspark.__version__, session.version))
        if mine != theirs:
            raise LakehouseError(
                f"The Spark Connect server at {self._where} runs Spark {session.version}, but Podium needs "
                f"{'.'.join(mine)}, the version of its Delta jars. Use a server with Spark {'.'.join(mine)}."
            )
        name, value = next(iter(DELTA.items()))
        if value not in (session.conf.get(name, "") or ""):
            raise LakehouseError(
                f"The Spark Connect server at {self._where} has no Delta. Start it with --packages {packages()[0]} and "
                + " ".join(f"--conf {key}={wanted}" for key, wanted in DELTA.items())
            )

    def _require_s3_commits(self, session: SparkSession) -> None:
        """Raise if the server commits on S3 in Delta's default way, which loses commits of concurrent writers."""
        used = stores(self._settings.roots)
        if "s3" not in used or all(session.conf.get(name, "") for name in LOG_STORE):
            return
        raise LakehouseError(
            f"The Spark Connect server at {self._where} would overwrite the commits of other writers on S3. Start it "
            f"with --packages {','.join(packages(used))} --jars {S3_COMMITS} "
            + " ".join(f"--conf {key}={wanted}" for key, wanted in LOG_STORE.items())
        )

    def stop(self) -> None:
        """End the session. If the server no longer answers, only close the client."""
        if self._session is not None:
            end_session(self._session, self._remote)
            self._session = None

    def trouble(self) -> str | None:
        """Describe what is wrong with the server. None if it answers."""
        if answers(self._remote):
            return None
        return f"The Spark Connect server at {self._where} stopped answering. Start it again."

    def location(self, path: str) -> str:
        """Convert a path to Spark's form: ``s3://`` becomes ``s3a://``."""
        return spark_location(path)
