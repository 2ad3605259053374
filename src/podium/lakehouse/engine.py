"""Choose the engine of an environment, and start and stop its Spark session. All other modules get the session here.

``configure`` sets the engine and starts nothing. ``session`` starts the engine on its first call, and keeps the session
for the life of the process.
"""

import atexit
import os
from collections.abc import Callable
from typing import Protocol

from pyspark.sql import SparkSession

from podium import interrupts
from podium.lakehouse.buckets import is_bucket
from podium.lakehouse.buckets import trouble as bucket_trouble
from podium.lakehouse.engines import EngineSettings
from podium.lakehouse.errors import LakehouseError

__all__ = [
    "Engine",
    "EngineSettings",
    "checks_windows",
    "configure",
    "current",
    "location",
    "reads_behind_checkpoints",
    "session",
    "stop",
    "trouble",
]

CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"


class Engine(Protocol):
    """An engine, such as Sail or Apache Spark, which starts and stops a Spark session."""

    @property
    def speaks_connect(self) -> bool | None:
        """Whether the engine's DataFrames are Spark Connect DataFrames. None if PySpark detects this itself."""

    @property
    def checks_windows(self) -> bool:
        """Whether the engine itself refuses to replace a window of a table by rows that lie outside of the window."""

    @property
    def reads_behind_checkpoints(self) -> bool:
        """Whether the engine can read a table version that is older than the newest checkpoint of the log."""

    def start(self) -> SparkSession:
        """Start the engine and return its session."""

    def stop(self) -> None:
        """Stop the engine and release its resources."""

    def trouble(self) -> str | None:
        """Describe what is wrong with a started engine. None if it works."""

    def location(self, path: str) -> str:
        """Convert a path to the form that the engine expects, such as ``s3a://`` instead of ``s3://``."""


_settings: EngineSettings | None = None
_engines: dict[str, Engine] = {}
_sessions: dict[str, SparkSession] = {}


def configure(settings: EngineSettings) -> None:
    """Set the engine that ``session`` uses. Engines that are already running keep running until ``stop``."""
    global _settings
    _settings = settings
    if _key() in _sessions:
        _speak(_engines[_key()].speaks_connect)


def current() -> EngineSettings | None:
    """The settings of the configured engine. None before ``configure``."""
    return _settings


def session() -> SparkSession:
    """The session of the configured engine, started on the first call."""
    engine, key = _chosen(), _key()
    if key in _sessions and getattr(_sessions[key], "is_stopped", False):
        _stop(key)  # the session was stopped or its server ended, so start a new one
        engine = _chosen()
    if key not in _sessions:
        if not engine.speaks_connect:
            _stop_driver()
        _speak(engine.speaks_connect)
        with interrupts.handlers_kept():
            _sessions[key] = engine.start()
        _speak(engine.speaks_connect)
    return _sessions[key]


def location(path: str) -> str:
    """Convert a path to the form that the configured engine expects, such as ``s3a://`` instead of ``s3://``."""
    return _chosen().location(path)


def checks_windows() -> bool:
    """Whether the configured engine itself refuses to replace a window of a table by rows that lie outside of it."""
    return _chosen().checks_windows


def reads_behind_checkpoints() -> bool:
    """Whether the configured engine can read a table version that is older than the newest checkpoint of the log."""
    return _chosen().reads_behind_checkpoints


def trouble() -> str | None:
    """Describe what is wrong with the running engine or its buckets. None if they work, or if no engine runs."""
    if _settings is None or _key() not in _sessions:
        return None
    in_buckets = (bucket_trouble(root) for root in _settings.roots if is_bucket(root))
    return _engines[_key()].trouble() or next(filter(None, in_buckets), None)


@atexit.register
def stop() -> None:
    """Stop all running engines. The next call of ``session`` starts the configured engine again."""
    for key in list(_sessions):
        _stop(key)
    _engines.clear()


def _stop(key: str) -> None:
    del _sessions[key]
    _engines.pop(key).stop()


def _stop_driver() -> None:
    """Stop the running Spark driver, if any, because a process can have only one."""
    for key in list(_sessions):
        if _engines[key].speaks_connect is False:
            _stop(key)


def _key() -> str:
    assert _settings is not None
    return _settings.model_dump_json()


def _chosen() -> Engine:
    if _settings is None:
        raise LakehouseError(
            "No engine is configured. First load the Kedro context: it configures the engine from conf/<env>/spark.yml."
        )
    if _key() not in _engines:
        _engines[_key()] = _make(_settings.named())
    return _engines[_key()]


def _make(settings: EngineSettings) -> Engine:
    from podium.lakehouse.engines.connect import Connect
    from podium.lakehouse.engines.databricks import Databricks
    from podium.lakehouse.engines.sail import Sail
    from podium.lakehouse.engines.spark import Spark

    engines: dict[str, Callable[[EngineSettings], Engine]] = {
        "sail": Sail,
        "spark": Spark,
        "connect": Connect,
        "databricks": Databricks,
    }
    return engines[settings.engine](settings)


def _speak(connect: bool | None) -> None:
    """Set the variable that tells PySpark's functions, such as F.col, whether to create Spark Connect columns."""
    if connect is True:
        os.environ[CONNECT_MODE] = "1"
        # Turn gRPC's fork handlers off, because they can kill a child process. On macOS they would run for each new
        # process, because Python uses vfork() only on Linux.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    elif connect is False:
        os.environ.pop(CONNECT_MODE, None)
