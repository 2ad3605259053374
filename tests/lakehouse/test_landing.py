"""Rows on their way to bronze are computed once, and written whole or not at all."""

import os
import time

import pyarrow as pa
import pytest

from podium.lakehouse.landing import KEPT, Landing

SCHEMA = pa.schema([("code", pa.string())])


def batches(*codes: str):
    yield pa.record_batch([list(codes)], schema=SCHEMA)


@pytest.fixture
def landing(tmp_path, spark) -> Landing:
    return Landing(str(tmp_path / "landing"))


def test_the_same_content_lands_once(landing, tmp_path):
    first = landing.land("people-1", batches("a", "b"), SCHEMA)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()}

    again = landing.land("people-1", batches("not", "read", "again"), SCHEMA)

    assert first == again == (str(tmp_path / "landing" / "people-1.parquet"), 2)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()} == before
    assert [row["code"] for row in landing.read([first[0]], SCHEMA).collect()] == ["a", "b"]


def test_a_run_killed_while_landing_leaves_no_partial_parquet_file(landing, tmp_path):
    def dies():
        yield from batches("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        landing.land("people-1", dies(), SCHEMA)
    assert not list((tmp_path / "landing").glob("*"))

    assert landing.land("people-1", batches("a", "b"), SCHEMA)[1] == 2


def test_a_kept_frame_is_computed_once(landing, spark):
    kept = landing.keep("numbers", spark.range(3))

    again = landing.keep("numbers", spark.range(3).selectExpr("CAST(raise_error('computed again') AS bigint) AS id"))

    assert sorted(row["id"] for row in kept.collect()) == sorted(row["id"] for row in again.collect()) == [0, 1, 2]


def test_a_kept_frame_without_rows_keeps_its_columns(landing, spark):
    kept = landing.keep("none", spark.createDataFrame([], "k int, v string"))

    assert kept.collect() == []
    assert kept.schema.simpleString() == "struct<k:int,v:string>"


def test_a_failed_kept_frame_is_computed_again(landing, spark):
    with pytest.raises(Exception, match="broken"):
        landing.keep("numbers", spark.range(3).selectExpr("id", "raise_error('broken') AS v"))

    assert sorted(row["id"] for row in landing.keep("numbers", spark.range(2)).collect()) == [0, 1]


def test_what_landed_long_ago_is_deleted(landing, spark, tmp_path):
    landing.tidy()  # there is no folder yet
    landing.land("old", batches("a"), SCHEMA)
    landing.keep("old", spark.range(3))
    long_ago = time.time() - KEPT.total_seconds() - 60
    for path in (tmp_path / "landing").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    landing.land("new", batches("a"), SCHEMA)
    kept = landing.keep("new", spark.range(3))

    landing.tidy()

    assert {path.name.partition("-")[0].partition(".")[0] for path in (tmp_path / "landing").iterdir()} == {"new"}
    assert kept.count() == 3
