"""Engines: where the Spark session comes from. The only place that makes one.

``configure`` says which engine an environment uses and starts nothing; ``session`` starts it at the first call and
keeps it for the life of the process.
"""

import atexit
import os
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict
from pyspark.sql import SparkSession

from podium.lakehouse.errors import LakehouseError

__all__ = ["Engine", "EngineSettings", "Sail", "configure", "current", "session", "stop"]


class EngineSettings(BaseModel):
    """What ``conf/<env>/spark.yml`` holds: the engine's name and the Spark settings of its session."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["sail"]
    config: dict[str, str] = {}


class Engine(Protocol):
    """Something that can start, and stop, a Spark session."""

    def start(self) -> SparkSession:
        """A ready session."""

    def stop(self) -> None:
        """Release what ``start`` took."""


class Sail:
    """A Spark Connect server inside this process, without a JVM (https://docs.lakesail.com)."""

    def __init__(self, config: dict[str, str]):
        self._config = config
        self._server: Any = None
        self._session: SparkSession | None = None

    def start(self) -> SparkSession:
        """Start the server on a free port of the loopback interface and connect to it."""
        # Sail's own log is for its developers; whoever sets RUST_LOG gets it.
        os.environ.setdefault("RUST_LOG", "error")
        try:
            from pysail.spark import SparkConnectServer
        except ImportError as cause:
            raise LakehouseError("The engine 'sail' is not installed. Run: pip install 'podium[local]'") from cause
        # The server stops when this object is collected, and clients then wait in silence: keep it.
        self._server = SparkConnectServer("127.0.0.1", 0)
        self._server.start()
        host, port = self._server.listening_address
        self._session = SparkSession.builder.remote(f"sc://{host}:{port}").create()
        for key, value in self._config.items():
            self._session.conf.set(key, value)
        return self._session

    def stop(self) -> None:
        """Close the session, then the server."""
        if self._session is not None:
            self._session.stop()
            self._server.stop()
            self._session = self._server = None


_settings: EngineSettings | None = None
_engine: Engine | None = None
_session: SparkSession | None = None


def configure(settings: EngineSettings) -> None:
    """Use this engine from now on. Other settings than those of a running engine stop that engine first."""
    global _settings
    if _session is not None and settings != _settings:
        stop()
    _settings = settings


def current() -> EngineSettings | None:
    """The settings in use, if any."""
    return _settings


def session() -> SparkSession:
    """The session of the configured engine, started at the first call."""
    global _engine, _session
    if _session is None:
        if _settings is None:
            raise LakehouseError(
                "No engine is configured. Load the Kedro context first: it reads conf/<env>/spark.yml."
            )
        _engine = Sail(_settings.config)
        _session = _engine.start()
    return _session


@atexit.register
def stop() -> None:
    """Stop the running engine, if any; the next ``session`` starts one anew."""
    global _engine, _session
    if _engine is not None:
        _engine.stop()
    _engine = _session = None
