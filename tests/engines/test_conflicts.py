"""``is_conflict`` tells a write that lost a race from other errors, on every engine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pyspark.errors import PySparkException

from podium.lakehouse import engine
from podium.lakehouse.conflicts import is_conflict
from podium.lakehouse.table import DeltaDataset, Mode, Rows
from tests.conftest import on_two_engines

SAVES = {
    "merge": {"mode": "merge", "keys": ("k",)},
    "replace": {"mode": "replace", "window": "k < 10"},
}


def save(path: str, value: str, how: dict) -> None:
    """Write ten rows in one attempt, so that the engine's own error is raised."""
    frame = engine.session().createDataFrame([(k, value) for k in range(10)], "k int, v string")
    DeltaDataset(path=path, zone="bronze")._write(Rows(frame=frame, **how))


def race(writers: list[Callable[[], None]]) -> list[Exception]:
    """Run the writers at the same time and return their errors."""
    ready = Barrier(len(writers))

    def write(writer: Callable[[], None]) -> Exception | None:
        ready.wait()
        try:
            writer()
        except Exception as error:  # noqa: BLE001  the test examines the error's type
            return error
        return None

    with ThreadPoolExecutor(len(writers)) as threads:
        return [error for error in threads.map(write, writers) if error]


@on_two_engines
@pytest.mark.parametrize("first", SAVES)
def test_a_lost_race_is_recognised(engine_name, tmp_path, first):
    """``test_verbs.py`` tests this on Connect: a save is retried only if its lost race is recognised."""
    lost = []
    for n in range(10):
        path = str(tmp_path / f"t{n}")
        save(path, "before", {"mode": Mode.OVERWRITE})
        lost += race([lambda: save(path, "one", SAVES[first]), lambda: save(path, "two", SAVES["merge"])])  # noqa: B023
        if lost:
            break
    assert lost
    assert all(map(is_conflict, lost)), lost


def test_an_error_whose_text_mentions_a_race_is_not_a_conflict(engine_name):
    session = engine.session()
    for text in (
        "Concurrent writers",
        "DELTA_CONCURRENT_APPEND",
        "x Failed to commit transaction: 1",
        "Missing commit",
    ):
        with pytest.raises(PySparkException) as failed:
            session.sql(f"SELECT `{text}` FROM VALUES (1) AS t(k)").collect()
        assert not is_conflict(failed.value)
