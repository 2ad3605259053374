"""Two processes write to the same table at the same time: no row is lost, and none appears twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from deltalake.exceptions import CommitFailedError
from pyspark.sql.types import IntegerType, StructField, StructType

from podium.lakehouse.conflicts import is_conflict
from podium.lakehouse.engine import EngineSettings
from podium.lakehouse.handle import handle
from tests.conftest import SAIL, UTC
from tests.writer import Writer

MODES = ("merge", "insert", "replace", "append")
ROUNDS = 6
SPARK = [pytest.mark.spark]
ENGINES = ["sail", pytest.param("spark", marks=SPARK), pytest.param("connect", marks=SPARK)]
# make faults also races Spark writers, locally and on a cluster. tests/stores races Spark against Sail.
QUICK = [("sail", mode) for mode in MODES]


@pytest.fixture(scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """The engine of both writers."""
    return request.param


@pytest.fixture(scope="module")
def writers(request: pytest.FixtureRequest, name: str, tmp_path_factory) -> Iterator[list[Writer]]:
    """Two writers that have started their engines."""
    settings = [SAIL] * 2
    if name == "spark":
        logs = [str(tmp_path_factory.mktemp("writer") / "spark.log") for _ in range(2)]
        settings = [EngineSettings(engine="spark", master="local[1]", config=UTC, log=log) for log in logs]
    elif name == "connect":
        remote = request.getfixturevalue("local_cluster").addresses.connect
        settings = [EngineSettings(engine="connect", remote=remote, config=UTC)] * 2
    both = [Writer(each) for each in settings]
    assert [writer.answer() for writer in both] == ["ready", "ready"]
    yield both
    for writer in both:
        writer.stop()


def race(writers: list[Writer], table: Path, mode: str, rounds: int) -> dict[int, int]:
    """In each round, each writer writes its own key and the same new keys. In the first round, both create the table.

    In mode replace the window consists of the keys, so both write only the same keys.

    Returns:
        The expected number of rows of each key.
    """
    shared, own = set(), set()
    for n in range(rounds):
        common = list(range(1000 * n, 1000 * n + 5))
        shared |= set(common)
        for place, writer in enumerate(writers, start=1):
            mine = [] if mode == "replace" else [1000 * n + 100 * place]
            own |= set(mine)
            writer.ask(table, mode, f"writer{place}", [*common, *mine])
        assert [writer.answer() for writer in writers] == ["done", "done"]
    return {**dict.fromkeys(shared, 2 if mode == "append" else 1), **dict.fromkeys(own, 1)}


@pytest.mark.parametrize(("name", "mode"), QUICK, indirect=["name"])
def test_two_concurrent_writers_lose_and_duplicate_no_row(writers, tmp_path, stored, mode):
    expected = race(writers, tmp_path / "table", mode, ROUNDS)

    assert Counter(key for key, _ in stored()) == expected


def test_a_table_is_created_once(tmp_path):
    """One writer creates the table. The others get a conflict error, after which a save tries again."""
    makers = 4
    with ThreadPoolExecutor(makers) as threads:
        for n in range(10):
            table, ready = handle(str(tmp_path / str(n))), Barrier(makers)

            def make(_: int, table=table, ready=ready) -> CommitFailedError | None:
                ready.wait()
                try:
                    table.create(StructType([StructField("k", IntegerType())]), [], {})
                except CommitFailedError as refused:
                    return refused
                return None

            refusals = [refusal for refusal in threads.map(make, range(makers)) if refusal]
            assert table.version() == 0
            assert all(map(is_conflict, refusals))


@pytest.mark.faults
@pytest.mark.parametrize("name", ENGINES, indirect=True)
@pytest.mark.parametrize("mode", MODES)
def test_two_concurrent_writers_lose_and_duplicate_no_row_in_many_rounds(writers, tmp_path, stored, mode):
    expected = race(writers, tmp_path / "table", mode, 20)

    assert Counter(key for key, _ in stored()) == expected
