"""Concurrent writers in several processes lose and duplicate no row, in a bucket or a folder."""

import zipfile
from collections import Counter
from collections.abc import Iterator

import pytest
from deltalake import DeltaTable

from podium.lakehouse import engine
from podium.lakehouse.engines.jars import S3_COMMITS
from tests.conftest import SAIL
from tests.writer import Writer, save

ROUNDS = 3
# If no commits collide in these rounds, the test continues for up to MAX_ROUNDS rounds.
MAX_ROUNDS = 12


@pytest.fixture(scope="module")
def others(on_spark: engine.EngineSettings) -> Iterator[list[Writer]]:
    """Another Spark and a Sail, each in a separate process."""
    both = [Writer(on_spark), Writer(SAIL)]
    engine.configure(on_spark)
    engine.session()  # start Spark here while the others start
    engine.configure(SAIL)
    assert [other.answer() for other in both] == ["ready", "ready"]
    yield both
    for other in both:
        other.stop()


@pytest.mark.spark
@pytest.mark.parametrize(
    ("mode", "where"),
    [
        ("merge", "bucket"),
        pytest.param("append", "bucket", marks=pytest.mark.faults),
        pytest.param("merge", "folder", marks=pytest.mark.faults),
    ],
)
def test_two_sparks_and_a_sail_lose_and_duplicate_no_row(others, on_spark, server, place, tmp_path, mode, where):
    """In each round, each writer writes the same new keys and its own key. In the first round, all create the table."""
    engine.configure(on_spark)
    path = f"{place}/table" if where == "bucket" else f"{tmp_path}/table"
    before, shared, own, n = len(server.commits()), set(), set(), 0

    def commits(status: str) -> int:
        return sum(found == status for key, found in server.commits()[before:] if key.endswith(".json"))

    try:
        while n < ROUNDS or (where == "bucket" and not commits("412") and n < MAX_ROUNDS):
            common = list(range(1000 * n, 1000 * n + 5))
            shared |= set(common)
            keys = [[*common, 1000 * n + 100 * number] for number in (1, 2, 3)]
            own |= {each[-1] for each in keys}
            for number, other in enumerate(others):
                other.ask(path, mode, f"other{number}", keys[number])
            save(path, mode, "this", list(map(str, keys[2])))
            assert [other.answer() for other in others] == ["done", "done"]
            n += 1
    finally:
        engine.configure(SAIL)

    times = Counter(DeltaTable(path).to_pyarrow_table()["k"].to_pylist())
    assert times == {**dict.fromkeys(shared, 3 if mode == "append" else 1), **dict.fromkeys(own, 1)}
    assert DeltaTable(path).version() == 3 * n, "the creation and every save must be one commit each"
    if where == "bucket":
        assert commits("200") == 3 * n + 1
        assert commits("412"), "no commits collided, so the test shows nothing"


@pytest.mark.spark
def test_a_commit_whose_answer_is_lost_is_not_repeated(on_spark, server, table, rows, stored):
    """The store keeps the commit but reports a failure, so the retry finds its own commit."""
    engine.configure(on_spark)
    try:
        table("append").save(rows((1, "a")))
        server.lose_an_answer(f"{table().path.removeprefix('s3:/')}/_delta_log")
        table("append").save(rows((2, "b")))
    finally:
        engine.configure(SAIL)

    assert stored() == [(1, "a"), (2, "b")]
    assert [status for key, status in server.commits() if key.endswith("2.json")][-2:] == ["200", "412"]


def test_the_jar_is_built_from_the_source_next_to_it():
    with zipfile.ZipFile(S3_COMMITS) as jar:
        packed = jar.read("S3Commits.java")

    source = S3_COMMITS.with_name("S3Commits.java")
    assert packed == source.read_bytes(), f"run: python {source.with_name('build.py')}"
