"""Each mode of saving and loading, on every engine, for tables by path and by name.

``tests/lakehouse`` tests the details on Sail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from kedro.io import DatasetError
from pyspark.sql import Window
from pyspark.sql import functions as F

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import Rows
from tests.engines.conftest import BEFORE

MARKS = {"sail": (), "spark": (pytest.mark.spark,), "connect": (pytest.mark.spark, pytest.mark.faults)}


def on(engine: str, place: str, *more: Any) -> Any:
    """One case of a test: an engine, and a table by path or by name.

    Connect combines the client of Sail with the engine of Spark, so it seldom differs from both: only ``make faults``
    tests it.
    """
    return pytest.param(engine, place, *more, marks=MARKS[engine], id="-".join([*more, engine, place]))


def places(*named: str) -> pytest.MarkDecorator:
    """Parametrize a test over tables by path on every engine, and by name on the given engines."""
    values = [*(on(engine, "path") for engine in MARKS), *(on(engine, "name") for engine in named)]
    return pytest.mark.parametrize(("engine_name", "place"), values, indirect=True)


NEW = [(1, "x"), (4, "d"), (None, "y")]
SAVES = {
    "append": (NEW, None, [*BEFORE, *NEW]),
    "merge": (NEW, None, [(1, "x"), (2, "b"), (3, "c"), (4, "d"), (None, "y")]),
    "insert": (NEW, None, [*BEFORE, (4, "d")]),
    "replace": ([(2, "x"), (9, "y")], "k >= 2", [(1, "a"), (2, "x"), (9, "y"), (None, "n")]),
    "overwrite": ([(1, "x")], None, [(1, "x")]),
}


# Named tables: only merge and replace. The fixture ``filled`` overwrites a named table, the test of time travel appends
# to one, and an insert is the same statement as a merge.
@pytest.mark.parametrize(
    ("engine_name", "place", "mode"),
    [on(engine, "path", mode) for engine in MARKS for mode in SAVES]
    + [on("spark", "name", mode) for mode in ("merge", "replace")],
    indirect=["engine_name", "place"],
)
def test_a_save_does_what_its_mode_says_in_one_commit(filled, table, rows, stored, mode):
    """Modes that write by key or by window are idempotent."""
    new, window, expected = SAVES[mode]
    before = filled._handle.version()
    dataset = table(mode)

    dataset.save(Rows(frame=rows(*new), window=window))

    assert (dataset.saved_version, stored()) == (before + 1, sorted(expected, key=str))
    if mode in {"merge", "insert", "replace"}:
        dataset.save(Rows(frame=rows(*new), window=window))
        assert stored() == sorted(expected, key=str)


@places("spark", "connect")
def test_saving_a_frame_without_rows_creates_the_table(table, rows, stored, location):
    dataset = table("merge", partition_by=["v"], retention="14 days")
    assert not dataset.exists()
    assert table(missing="none").load() is None
    with pytest.raises(LakehouseError, match=r"The table .* does not exist\. First run the pipeline that writes it"):
        dataset.load()

    dataset.save(rows())

    assert dataset.exists()
    assert (stored(), dataset.load().columns) == ([], ["k", "v"])
    there = DeltaTable(location()).metadata()
    assert there.partition_columns == ["v"]
    assert there.configuration["podium.retention"] == "14 days"


@places("spark")
def test_an_evolving_table_accepts_a_new_column_and_a_missing_one(filled, table, rows, stored):
    table("merge", evolve=True).save(rows((1, 0.5), (4, 1.5), schema="k int, w double"))

    others = [(2, "b", None), (3, "c", None), (None, "n", None)]
    assert stored() == sorted([(1, None, 0.5), (4, None, 1.5), *others], key=str)


@places("spark")
def test_a_type_change_replaces_all_rows_and_keeps_old_versions(filled, table, rows, stored):
    before = filled._handle.version()
    dataset = table("replace", evolve="types")
    for _ in range(2):
        dataset.save(Rows(frame=rows((4, 7, 0.5), schema="k int, v bigint, w double"), window="k = 4"))
        assert stored() == [(4, 7, 0.5)]
    with pytest.raises(LakehouseError, match="nothing was written, because a row lies outside of the window k = 5"):
        dataset.save(Rows(frame=rows((6, "f"), (None, "n")), window="k = 5"))

    assert stored() == [(4, 7, 0.5)]
    then = table(version=before).load().toPandas()
    assert sorted(then["v"]) == sorted(v for _, v in BEFORE)


REFUSED = {
    "k int": ((1,), "column v is missing"),
    "k int, v string, w int": ((1, "a", 2), "column w is not in the table"),
    "k bigint, v string": ((1, "a"), "column k is bigint, the table has int"),
}


@places()
def test_rows_that_do_not_fit_are_refused(filled, table, rows, stored):
    before = filled._handle.version()
    for schema, (row, message) in REFUSED.items():
        for mode in ("append", "merge", "replace"):
            with pytest.raises(LakehouseError, match=f"the rows do not fit the table: {message}"):
                table(mode).save(Rows(frame=rows(row, schema=schema), window="k = 1"))

    assert (filled._handle.version(), stored()) == (before, sorted(BEFORE, key=str))


@places()
@pytest.mark.parametrize("key", [1, None])
def test_rows_outside_of_the_window_are_refused(filled, table, rows, stored, key):
    before = filled._handle.version()
    shown = {1: "k = 1", None: "k = (null|None)"}[key]
    with pytest.raises(LakehouseError, match=f"because a row lies outside of the window k >= 2: {shown}"):
        table("replace").save(Rows(frame=rows((key, "x"), (5, "e")), window="k >= 2"))

    assert (filled._handle.version(), stored()) == (before, sorted(BEFORE, key=str))


@places()
def test_filtered_rows_may_lie_outside_of_the_window(table, rows, stored):
    """Sail moves this filter above the projection, so a window check in a column also sees the filtered rows."""
    rolling = Window.partitionBy("v").orderBy("k").rangeBetween(-2, 0)
    counted = (
        rows(*((k, "a") for k in range(9)), schema="k int, v string").groupBy("k", "v").agg(F.count("k").alias("n"))
    )
    shares = counted.select("k", "v", "n", (F.sum("n").over(rolling) / F.count("n").over(rolling)).alias("share"))
    wide = table("replace")
    wide.save(Rows(frame=shares, window="k >= 0"))

    wide.save(Rows(frame=shares.filter("k >= 5"), window="k >= 5"))

    assert stored() == [(k, "a", 1, 1.0) for k in range(9)]


@places()
def test_a_frame_that_fails_leaves_the_table_as_it_was(filled, table, rows, stored):
    before = filled._handle.version()
    with pytest.raises(DatasetError, match="broken"):
        table("append").save(rows((1, "x")).selectExpr("k", "CAST(raise_error('broken') AS string) AS v"))

    assert (filled._handle.version(), stored()) == (before, sorted(BEFORE, key=str))


@places("spark")
def test_time_travel_by_version_and_by_moment(filled, table, rows):
    """A loaded frame stays at its version when another writer commits."""
    old, moment = filled._handle.version(), datetime.now(UTC)
    loaded = filled.load()
    table("append").save(rows((7, "g")))

    def keys(frame) -> list:
        return sorted(frame.toPandas()["k"].dropna())

    assert keys(loaded) == [1, 2, 3]
    assert keys(table(version=old).load()) == [1, 2, 3]
    assert keys(table(as_of=moment.isoformat()).load()) == [1, 2, 3]
    assert keys(table(version=old + 1).load()) == keys(filled.load()) == [1, 2, 3, 7]
    assert keys(table(as_of=(moment + timedelta(days=1)).isoformat()).load()) == [1, 2, 3, 7]
    with pytest.raises(LakehouseError, match=f"has no version 99; the newest is {old + 1}"):
        table(version=99).load()
    with pytest.raises(LakehouseError, match="cannot be read as of 2001-01-01, because its log begins later, at"):
        table(as_of="2001-01-01").load()


def interrupted(frame, path: str, once: Path):
    """Return the same frame, with another writer that commits a row with the key 5 during its first computation."""

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from deltalake import write_deltalake

        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            keys, values = pa.array([5], pa.int32()), pa.array(["theirs"])
            write_deltalake(path, pa.table({"k": keys, "v": values}), mode="append")
        yield from batches

    return frame.mapInArrow(in_worker, "k int, v string")


# Whether a save is retried depends on the class of the error, and on Connect the client raises its own classes.
@pytest.mark.parametrize(
    ("engine_name", "mode", "window"),
    [
        ("sail", "merge", None),
        ("sail", "replace", "k >= 3"),
        pytest.param("spark", "merge", None, marks=pytest.mark.spark),
        pytest.param("spark", "replace", "k >= 3", marks=pytest.mark.spark),
        pytest.param("connect", "merge", None, marks=pytest.mark.spark),
        pytest.param("connect", "replace", "k >= 3", marks=[pytest.mark.spark, pytest.mark.faults]),
    ],
    indirect=["engine_name"],
)
def test_a_lost_race_is_retried_on_the_new_version(filled, table, rows, stored, location, tmp_path, mode, window):
    """Another writer adds key 5 during the first attempt. Committing that attempt would store the key twice."""
    ours = interrupted(rows((3, "ours"), (5, "ours")), location(), tmp_path / "once")

    table(mode).save(Rows(frame=ours, window=window))

    assert (tmp_path / "once").exists()
    assert stored() == sorted([(1, "a"), (2, "b"), (3, "ours"), (5, "ours"), (None, "n")], key=str)


@pytest.mark.parametrize(("engine_name", "place"), [("sail", "name")], indirect=True)
@pytest.mark.xfail(
    raises=DatasetError,
    reason="Sail 0.7 has no DESCRIBE HISTORY, and puts a table of its own catalog at a path that it then refuses",
)
def test_sail_can_use_a_table_of_its_own_catalog(table, rows, stored):
    """Sail cannot use named tables, so Unity Catalog needs Spark or Databricks."""
    table("overwrite").save(rows((1, "a")))

    assert stored() == [(1, "a")]
