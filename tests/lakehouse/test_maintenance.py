"""Maintenance reduces the number of files. It keeps rows, recent versions and files of running writers.

With Sail, delta-rs does the maintenance. Spark and Connect use the same SQL.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from podium.lakehouse import engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.expiry import drop, find_lots
from podium.lakehouse.listing import find_tables, rows_where
from podium.lakehouse.maintenance import CHECK, Work, foresee, maintain, require_safe
from podium.lakehouse.table import DeltaDataset
from tests.conftest import on_two_engines

VERSIONS = 5


def make(path: str) -> Callable[[int], list[int]]:
    """Create a table with five commits of one file each, and return a function that reads its rows at a version."""
    for commit in range(VERSIONS):
        write_deltalake(path, pa.table({"n": [commit, commit + 100]}), mode="append")
    return lambda version: sorted(DeltaTable(path, version=version).to_pyarrow_table()["n"].to_pylist())


@pytest.fixture
def table(spark, path: str) -> Callable[[int], list[int]]:
    """The table with five commits, with the dev engine configured."""
    return make(path)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "table")


def data_files(path: str) -> set[str]:
    return {found.name for found in Path(path).glob("*.parquet")}


def size(path: str) -> int:
    return sum(found.stat().st_size for found in Path(path).glob("*") if found.is_file())


def set_age(path: str, files: set[str], days: int) -> None:
    """Set the modification times of files back by some days."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for name in files:
        os.utime(Path(path, name), (then, then))


@on_two_engines
def test_maintenance_reduces_files_and_keeps_rows_and_versions(engine_name, path):
    table = make(path)
    newest = DeltaTable(path).version()
    before = [table(version) for version in range(newest + 1)]
    files, room = data_files(path), size(path)

    done = maintain(path, Work())

    assert done.trouble == ""
    assert done.before >= VERSIONS
    assert done.after == len(DeltaTable(path).file_uris()) < done.before
    assert [table(version) for version in range(newest + 1)] == before
    assert table(DeltaTable(path).version()) == before[-1]
    assert files < data_files(path), "files of versions within the retention must stay"
    assert done.freed == room - size(path)


def test_maintenance_is_idempotent(table, path):
    maintain(path, Work())
    files, rows = data_files(path), table(DeltaTable(path).version())
    again = maintain(path, Work())
    assert (again.before, again.after, again.trouble) == (1, 1, "")
    assert data_files(path) == files
    assert table(DeltaTable(path).version()) == rows


@on_two_engines
def test_forced_maintenance_removes_all_old_files(engine_name, path):
    table = make(path)
    newest = DeltaTable(path).version()
    rows, room = table(newest), size(path)

    done = maintain(path, Work(hours=0))

    assert len(data_files(path)) == done.after == 1
    assert table(DeltaTable(path).version()) == rows
    assert done.freed == room - size(path) > 0
    with pytest.raises(Exception, match=r"(?i)not found|no such file"):
        table(newest)
    if engine_name != "sail":
        assert engine.session().conf.get(CHECK, "true") == "true", "maintain must turn the engine's check on again"


def test_leftover_files_of_a_killed_writer_are_removed_once_old(table, path):
    young, old = Path(path, "part-young.parquet"), Path(path, "part-old.parquet")
    for file in (young, old):
        file.write_bytes(b"half a file")
    set_age(path, {old.name}, 8)
    foreseen = foresee(path, Work())
    assert maintain(path, Work(optimize=False)).trouble == ""
    assert (young.exists(), old.exists()) == (True, False)
    assert (foreseen.files, foreseen.removable) == (VERSIONS, 1)


def test_the_engine_can_use_the_table_after_maintenance(table, path, spark):
    maintain(path, Work(hours=0))
    dataset = DeltaDataset(path=path, zone="bronze", mode="append")
    dataset.save(spark.createDataFrame([(7,)], "n bigint"))
    assert dataset.load().count() == 2 * VERSIONS + 1


def test_foresee_writes_nothing(table, path):
    before = {found: found.stat().st_mtime_ns for found in Path(path).rglob("*")}
    foresee(path, Work(hours=0))
    assert {found: found.stat().st_mtime_ns for found in Path(path).rglob("*")} == before


def test_an_unreadable_table_is_reported(tmp_path, spark):
    log = tmp_path / "table" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("not JSON")
    assert "Json error" in maintain(str(tmp_path / "table"), Work()).trouble
    assert "Json error" in foresee(str(tmp_path / "table"), Work()).trouble


@pytest.mark.parametrize("hours", [0, 167])
def test_a_retention_below_a_week_is_refused_with_the_reason(hours):
    with pytest.raises(LakehouseError, match=f"A retention of {hours} hours is refused; the minimum is 168") as refused:
        require_safe(hours, force=False)
    for word in ("runs", "time travel", "reproducing a model", "--force"):
        assert word in str(refused.value)
    require_safe(hours, force=True)
    require_safe(168, force=False)


@pytest.mark.parametrize("engine_name", [pytest.param("spark", marks=pytest.mark.spark)], indirect=True)
def test_tables_of_a_catalog_are_listed_maintained_and_dropped(engine_name):
    """A named table, as in Unity Catalog, is maintained without access to its path."""
    problem = f"s{uuid4().hex[:8]}"
    delta = {"type": "podium.lakehouse.table.DeltaDataset", "zone": "bronze", "retention": "3 days"}
    catalog = {"{domain}.bronze_{table}": {**delta, "path": "uc://spark_catalog/{domain}/bronze/{table}"}}
    path = f"uc://spark_catalog/{problem}/bronze/a"
    dataset = DeltaDataset(path=path, zone="bronze", mode="append", retention="3 days")
    for n in range(2):
        dataset.save(engine.session().createDataFrame([(n,)], "n bigint").coalesce(1))

    (table,) = [each for each in find_tables(catalog) if each.namespace == problem]
    assert (table.name, table.path, table.rows, table.version) == (f"{problem}.bronze_a", path, 2, 2)
    assert sorted(row["n"] for row in rows_where(table)) == [0, 1]
    assert rows_where(table, n=1) == [{"n": 1}]

    (lot,) = [each for each in find_lots(catalog) if each.namespace == problem]
    assert lot.items[0].retention == timedelta(days=3)
    assert foresee(path, Work()).files == 2
    done = maintain(path, Work())
    assert (done.before, done.after, done.freed, done.trouble) == (2, 1, None, "")
    assert dataset.load().count() == 2
    (again,) = [each for each in find_lots(catalog) if each.namespace == problem]
    assert again.expires == lot.expires, "maintenance must not postpone the expiry"

    with pytest.raises(LakehouseError, match="is not inside"):
        list(drop(again, ["uc://other"], again.expires))
    assert [item.name for item in drop(again, ["uc://spark_catalog"], again.expires)] == [f"{problem}.bronze_a"]
    assert not [each for each in find_tables(catalog) if each.namespace == problem]
