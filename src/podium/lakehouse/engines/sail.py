"""The engine Sail: a Spark Connect server inside this process, without a JVM (https://docs.lakesail.com)."""

import os
from typing import Any

from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.extras import how_to_install

from .addresses import answers
from .patience import be_impatient, end_session
from .spark_settings import EngineSettings

__all__ = ["Sail"]

# Set the idle timeout to ten years, in seconds. Otherwise Sail 0.7.2 ends idle sessions, such as a notebook's during
# lunch. That would save nothing, because the server ends with this process anyway.
NEVER_IDLE = ("SAIL_SPARK__SESSION_TIMEOUT_SECS", "315360000")


class Sail:
    """The engine of the environment dev: it runs inside this process, without Java."""

    speaks_connect = True
    checks_windows = False
    # Sail 0.7.2 refuses most versions before a checkpoint: "Missing commit file: expected version 0, found 1".
    reads_behind_checkpoints = False

    def __init__(self, settings: EngineSettings):
        self._config = settings.config
        self._server: Any = None
        self._address = ""
        self._session: SparkSession | None = None

    def start(self) -> SparkSession:
        """Start the server on a free port of the loopback interface and connect to it."""
        # Show only the errors of Sail's log, unless the user has set RUST_LOG to another level.
        os.environ.setdefault("RUST_LOG", "error")
        os.environ.setdefault(*NEVER_IDLE)
        try:
            from pysail.spark import SparkConnectServer
        except ImportError as cause:
            raise LakehouseError(f"The engine 'sail' is not installed. {how_to_install('local')}") from cause
        # Keep a reference to the server object, because the server stops when the object is garbage-collected.
        self._server = SparkConnectServer("127.0.0.1", 0)
        self._server.start()
        host, port = self._server.listening_address
        self._address = f"sc://{host}:{port}"
        self._session = SparkSession.builder.remote(self._address).create()
        # Retry only three times, for less than a second: a server that runs in this process does not come back once it
        # has stopped.
        be_impatient(self._session, retries=3)
        for key, value in self._config.items():
            self._session.conf.set(key, value)
        return self._session

    def stop(self) -> None:
        """Close the session, then the server."""
        if self._session is not None:
            end_session(self._session, self._address)
            if self._server.running:
                self._server.stop()
            self._session = self._server = None

    def trouble(self) -> str | None:
        """Describe what is wrong with the server. None if it answers."""
        if self._session is None or answers(self._address):
            return None
        return "Sail, the engine inside this process, has stopped. Run the command again."

    def location(self, path: str) -> str:
        """Return the path unchanged, because Sail reads it as it is."""
        return path
