"""A load reads one version: a given one, that of a given time, or the newest. Later writes do not change the result."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset
from podium.lakehouse.time_travel import why_unreadable


@pytest.fixture
def versions(table, rows):
    """The times after the commits of a table whose version n has n rows."""
    moments = []
    for n in (1, 2, 3):
        table("append").save(rows((n, "x")))
        moments.append(datetime.now(UTC))
    return moments


def keys(dataset) -> list[int]:
    return sorted(row["k"] for row in dataset.load().collect())


def test_load_by_version(table, versions):
    assert [keys(table(version=n)) for n in range(4)] == [[], [1], [1, 2], [1, 2, 3]]


def test_a_version_behind_a_checkpoint_can_be_read(tmp_path, spark):
    """The versions differ in their columns, and one has no rows."""
    path = str(tmp_path / "t")

    def table(version: int | None = None) -> DeltaDataset:
        return DeltaDataset(path=path, zone="bronze", mode="append", evolve=True, version=version)

    for columns in ("1 as k, timestamp'2013-06-01 12:00:00.123456' as at", "2 as k", "0.5d as x"):
        table().save(spark.sql(f"select {columns}"))
    newest = table().delta().version()
    before = [(table(n).load().toArrow(), table(n).load().schema.simpleString()) for n in range(newest)]

    DeltaTable(path).create_checkpoint()

    after = [(table(n).load().toArrow(), table(n).load().schema.simpleString()) for n in range(newest)]
    assert [rows.num_rows for rows, _ in before] == [0, 1, 2, 2]
    by_key = [("k", "ascending")]
    assert [(rows.sort_by(by_key), types) for rows, types in after] == [
        (rows.sort_by(by_key), types) for rows, types in before
    ]


def test_load_by_moment(table, versions):
    stood = [keys(table(as_of=moment.isoformat())) for moment in versions]

    assert stood == [[1], [1, 2], [1, 2, 3]]
    assert keys(table(as_of=(versions[-1] + timedelta(days=1)).date().isoformat())) == [1, 2, 3]


def test_a_moment_without_zone_is_utc(table, versions):
    assert keys(table(as_of=versions[1].replace(tzinfo=None).isoformat())) == [1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"version": 99}, "has no version 99; the newest is 3"),
        ({"version": -1}, "has no version -1; the newest is 3"),
        ({"as_of": "2001-01-01"}, "cannot be read as of 2001-01-01, because its log begins later, at"),
        ({"as_of": "last week"}, "'last week' is not a time"),
    ],
)
def test_a_version_or_time_that_does_not_exist_is_an_error(table, versions, settings, message):
    with pytest.raises(LakehouseError, match=message):
        table(**settings).load()


@pytest.mark.parametrize("mode", ["append", "merge", "overwrite"])
def test_a_loaded_frame_stays_at_its_version_after_another_write(table, rows, versions, mode):
    dataset = table()
    loaded = dataset.load()

    table(mode).save(rows((1, "changed"), (9, "new")))

    assert dataset.loaded_version == 3
    assert sorted(row["k"] for row in loaded.collect()) == [1, 2, 3]
    assert {row["v"] for row in loaded.collect()} == {"x"}
    assert 9 in keys(dataset)
    assert dataset.loaded_version == 4


def test_a_table_can_be_overwritten_from_its_own_rows(table, rows, versions, stored):
    loaded = table().load()

    table("overwrite").save(loaded.selectExpr("k + 10 AS k", "v"))

    assert [key for key, _ in stored()] == [11, 12, 13]


def test_a_version_is_unreadable_only_after_its_files_were_vacuumed(table, rows):
    """The names of these partitions' folders are percent-encoded once more in the log than on the disk."""
    dataset = table("append", partition_by=["v"])
    dataset.save(rows((1, "a b"), (2, "50%25 /b")))
    path, version, table_id = dataset.path, dataset.delta().version(), str(dataset.delta().metadata().id)
    assert len(list(Path(path).glob("v=*%*"))) == 2

    assert why_unreadable(path, version, table_id) is None

    table("overwrite").save(rows((3, "a b")))
    DeltaTable(path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert why_unreadable(path, version, table_id) == "2 of its 2 files are missing, probably since a VACUUM"
    assert why_unreadable(path, version + 1, table_id) is None
