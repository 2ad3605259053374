"""An engine is configured early, starts lazily, and can be started again."""

import subprocess
import sys
import textwrap

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from podium.lakehouse import engine
from podium.lakehouse.engines.databricks import Databricks
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset


def run(code: str) -> str:
    """Run code in a fresh interpreter, because the test process already has an engine, and return its output."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_podium_starts_nothing():
    seen = run(
        """
        import importlib, pkgutil, sys, threading
        import podium
        before = threading.active_count()
        for module in pkgutil.walk_packages(podium.__path__, "podium."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        import psutil
        from podium.lakehouse import engine
        listening = [c for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN]
        print("pysail" in sys.modules, engine.current(), len(listening), threading.active_count() - before)
        """
    )
    assert seen.split() == ["False", "None", "0", "0"]


def test_a_table_without_an_engine_says_what_to_do(tmp_path, rows, monkeypatch):
    DeltaDataset(path=str(tmp_path / "t"), zone="bronze", keys=["k"]).save(rows((1, "a")))
    monkeypatch.setattr(engine, "_settings", None)

    with pytest.raises(LakehouseError, match=r"No engine is configured. First load the Kedro context"):
        DeltaDataset(path=str(tmp_path / "t"), zone="bronze").load()


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="Input should be 'sail'"):
        engine.EngineSettings(engine="sale")


@pytest.mark.parametrize("given", [{"engine": "cluster"}, {"engine": "spark", "master": "local[*]"}])
def test_on_databricks_a_local_spark_is_the_session_of_the_runtime(given, monkeypatch):
    settings = engine.EngineSettings(**given)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert (settings.on_databricks, settings.named().engine) == (False, "spark")
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert (settings.on_databricks, settings.named().engine) == (True, "databricks")
    elsewhere = engine.EngineSettings(engine="cluster", master="spark://host:7077")
    assert (elsewhere.on_databricks, elsewhere.named().engine) == (False, "spark")


class Serverless:
    """A stand-in for a session of Databricks' serverless compute, which tests cannot use."""

    def __init__(self, takes: tuple[str, ...]):
        self.conf, self.taken, self._takes = self, {}, takes

    def set(self, key: str, value: str) -> None:
        if key not in self._takes:
            raise AnalysisException(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.")
        self.taken[key] = value


def test_serverless_compute_skips_settings_that_it_does_not_accept(monkeypatch, caplog):
    zone = {"spark.sql.session.timeZone": "UTC"}
    settings = engine.EngineSettings(engine="databricks", config=zone | {"spark.sql.autoBroadcastJoinThreshold": "-1"})
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "client.4")
    for takes, taken in ((tuple(zone), zone), (tuple(settings.config), dict(settings.config))):
        monkeypatch.setattr(SparkSession, "getActiveSession", lambda takes=takes: Serverless(takes))
        assert Databricks(settings).start().taken == taken
    assert caplog.text.count("does not accept the setting spark.sql.autoBroadcastJoinThreshold") == 1
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: Serverless(()))
    with pytest.raises(AnalysisException):
        Databricks(settings).start()


def test_configure_stop_and_start_again():
    seen = run(
        """
        from podium.lakehouse import engine
        utc = {"spark.sql.session.timeZone": "UTC"}
        paris = {"spark.sql.session.timeZone": "Europe/Paris"}
        engine.configure(engine.EngineSettings(engine="sail", config=utc))
        first = engine.session()
        engine.configure(engine.EngineSettings(engine="sail", config=utc))
        print("same settings keep the session:", engine.session() is first)
        engine.configure(engine.EngineSettings(engine="sail", config=paris))
        second = engine.session()
        print("other settings:", second is not first, second.conf.get("spark.sql.session.timeZone"))
        engine.stop()
        engine.stop()
        third = engine.session()
        print("after a stop:", third is not second, third.range(3).count())
        """
    )
    assert seen.splitlines() == [
        "same settings keep the session: True",
        "other settings: True Europe/Paris",
        "after a stop: True 3",
    ]


@pytest.mark.parametrize(("given", "answer"), [("1", "is not running"), (None, "3")])
def test_an_idle_sail_session_does_not_end(given, answer, monkeypatch):
    """A timeout of one second ends the session, which shows that Podium's default of ten years has an effect."""
    monkeypatch.delenv("SAIL_SPARK__SESSION_TIMEOUT_SECS", raising=False)
    if given:
        monkeypatch.setenv("SAIL_SPARK__SESSION_TIMEOUT_SECS", given)
    seen = run(
        """
        import time
        from pyspark.errors import PySparkException
        from podium.lakehouse import engine

        engine.configure(engine.EngineSettings(engine="sail"))
        session = engine.session()
        session.range(3).count()
        time.sleep(3)
        try:
            print(session.range(3).count())
        except PySparkException as ended:
            print(ended)
        """
    )
    assert answer in seen
