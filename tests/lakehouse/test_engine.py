"""The engine is chosen early, starts late, and can be started again."""

import subprocess
import sys
import textwrap

import pytest

from podium.lakehouse import engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset


def run(code: str) -> str:
    """What a fresh interpreter prints; engines are one per process, and the suite has one already."""
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

    with pytest.raises(LakehouseError, match=r"No engine is configured. Load the Kedro context first"):
        DeltaDataset(path=str(tmp_path / "t"), zone="bronze").load()


def test_an_engine_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="Input should be 'sail'"):
        engine.EngineSettings(engine="sale")


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
