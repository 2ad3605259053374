"""Delta tables and databases as sources: what is new in them counts once, and a gap is never silent."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from kedro.io import AbstractDataset

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.landing import Landing
from podium.lakehouse.sources import DeltaSource, FrameSource, delta, frames
from tests import postgres

COLUMNS = ("code", "name")


def rows(*found: tuple) -> pa.Table:
    return pa.table({"code": [row[0] for row in found], "name": [row[1] for row in found]})


def texts(delivery) -> list[tuple]:
    assert not delivery.refused, delivery.refused
    if delivery.rows is None:
        return []
    table = delivery.rows if isinstance(delivery.rows, pa.Table) else delivery.rows.toArrow()
    return sorted(tuple(row.values()) for row in table.select(list(COLUMNS)).to_pylist())


@pytest.fixture
def landing(tmp_path, spark) -> Landing:
    return Landing(str(tmp_path / "landing"))


@pytest.fixture(params=["in the driver", "by the engine"])
def either_way(request, monkeypatch, spark) -> str:
    """Few rows are read in the driver, many by the engine."""
    if request.param == "by the engine":
        monkeypatch.setattr(delta, "FEW", -1)
    return request.param


@pytest.fixture
def table(tmp_path) -> str:
    """A Delta table with two rows."""
    path = str(tmp_path / "people")
    write_deltalake(path, rows((1, "Ann"), (2, None)))
    return path


class TestDelta:
    def test_what_commits_added_is_new(self, table, landing, either_way):
        source = DeltaSource(path=table).load()
        first = source.new(COLUMNS, {}, landing)
        assert texts(first) == [("1", "Ann"), ("2", None)]
        assert texts(source.new(COLUMNS, first.bookmarks, landing)) == []

        write_deltalake(table, rows((3, "Eve")), mode="append")
        write_deltalake(table, rows((4, "Bob")), mode="append")
        DeltaTable(table).optimize.compact()
        second = source.new(COLUMNS, first.bookmarks, landing)

        assert texts(second) == [("3", "Eve"), ("4", "Bob")], "compacting adds no rows"
        assert texts(source.new(COLUMNS, second.bookmarks, landing)) == []

    def test_rows_whose_files_were_vacuumed_are_found_in_others(self, table, landing, either_way):
        source = DeltaSource(path=table).load()
        live = DeltaSource(path=table, arrival="live").load()
        first, first_live = source.new(COLUMNS, {}, landing), live.new(COLUMNS, {}, landing)
        for row in ((3, "Eve"), (4, "Bob")):
            write_deltalake(table, rows(row), mode="append")
        DeltaTable(table).optimize.compact()
        DeltaTable(table).vacuum(0, dry_run=False, enforce_retention_duration=False)

        assert texts(source.new(COLUMNS, first.bookmarks, landing))[-2:] == [("3", "Eve"), ("4", "Bob")]
        with pytest.raises(LakehouseError, match="were removed, probably by a VACUUM, and with them the time at which"):
            live.new(COLUMNS, first_live.bookmarks, landing)

    def test_a_column_that_was_added_later_is_null_before(self, table, landing, either_way):
        source = DeltaSource(path=table).load()
        seen = source.new(COLUMNS, {}, landing).bookmarks
        write_deltalake(table, rows((3, "Eve")), mode="append")
        more = rows((4, "Bob")).append_column("town", pa.array(["Rome"]))
        write_deltalake(table, more, mode="append", schema_mode="merge")

        found = source.new(("code", "town"), seen, landing).rows

        found = found if isinstance(found, pa.Table) else found.toArrow()
        assert dict(zip(found["code"].to_pylist(), found["town"].to_pylist(), strict=True)) == {"3": None, "4": "Rome"}

    def test_values_of_partitions_and_types_come_along(self, tmp_path, landing, either_way):
        path = str(tmp_path / "people")
        write_deltalake(path, rows((1, "a b"), (2, None)), partition_by=["name"])
        source = DeltaSource(path=path).load()
        seen = source.new(COLUMNS, {}, landing).bookmarks
        write_deltalake(path, rows((3, "c/d"), (4, None)), mode="append", partition_by=["name"])

        assert texts(source.new(COLUMNS, seen, landing)) == [("3", "c/d"), ("4", None)]

    def test_the_time_of_a_commit_is_the_time_of_arrival(self, table, landing, either_way):
        write_deltalake(table, rows((3, "Eve")), mode="append")
        commits = {each["version"]: each["timestamp"] for each in DeltaTable(table).history()}

        found = DeltaSource(path=table, arrival="live").load().new(COLUMNS, {}, landing)

        table_rows = found.rows if isinstance(found.rows, pa.Table) else found.rows.toArrow()
        told = {row["code"]: row["known_from"] for row in table_rows.to_pylist()}
        moments = {version: datetime.fromtimestamp(stamp / 1000, UTC) for version, stamp in commits.items()}
        assert told == {"1": moments[0], "2": moments[0], "3": moments[1]}

    def test_a_table_that_was_made_anew_is_refused(self, table, landing):
        source = DeltaSource(path=table).load()
        seen = source.new(COLUMNS, {}, landing).bookmarks
        shutil.rmtree(table)
        write_deltalake(table, rows((9, "Zoe")))

        with pytest.raises(
            LakehouseError, match=r"dropped and made anew .* name the source in <domain>.ingestion.from_"
        ):
            source.new(COLUMNS, seen, landing)

    def test_a_bookmark_beyond_the_newest_version_is_refused(self, table, landing, tmp_path):
        shutil.copytree(table, tmp_path / "backup")
        write_deltalake(table, rows((3, "Eve")), mode="append")
        source = DeltaSource(path=table).load()
        seen = source.new(COLUMNS, {}, landing).bookmarks
        shutil.rmtree(table)
        shutil.copytree(tmp_path / "backup", table)

        with pytest.raises(LakehouseError, match="ends at version 0, but version 1 was taken in"):
            source.new(COLUMNS, seen, landing)

    def test_a_log_that_was_cut_is_refused(self, table, landing):
        source = DeltaSource(path=table).load()
        seen = source.new(COLUMNS, {}, landing).bookmarks
        write_deltalake(table, rows((3, "Eve")), mode="append")
        write_deltalake(table, rows((4, "Bob")), mode="append")
        DeltaTable(table).create_checkpoint()
        Path(table, "_delta_log", f"{1:020}.json").unlink()

        with pytest.raises(LakehouseError, match="no longer has version 1, which was not taken in yet"):
            source.new(COLUMNS, seen, landing)

    def test_a_missing_column_is_named(self, table, landing):
        found = DeltaSource(path=table).load().new(("code", "nam"), {}, landing)

        assert list(found.refused.values()) == [f"{table}: column nam is missing (did you mean 'name'?)"]

    def test_a_table_that_does_not_exist_is_refused(self, tmp_path, landing):
        with pytest.raises(LakehouseError, match=r"nowhere does not exist\. Name an existing table in the catalog"):
            DeltaSource(path=str(tmp_path / "nowhere")).load().new(COLUMNS, {}, landing)


@pytest.fixture(scope="module")
def database():
    """The address of a PostgreSQL database."""
    if postgres.installed() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.running() as address:
        yield address


def put(database: str, frame: pd.DataFrame, *, exists: str = "append") -> None:
    from sqlalchemy import create_engine

    engine = create_engine(database)
    frame.to_sql("people", engine, index=False, if_exists=exists)
    engine.dispose()


def people(*found: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(found, columns=["code", "name", "changed_at"])
    return frame.assign(changed_at=pd.to_datetime(frame["changed_at"], utc=True))


QUERY = "SELECT * FROM people WHERE %(watermark)s::timestamptz IS NULL OR changed_at >= %(watermark)s"


class TestDatabase:
    @pytest.fixture(autouse=True)
    def _two_rows(self, database):
        put(database, people((1, "Ann", "2024-01-01T10:00Z"), (2, None, "2024-01-01T11:00Z")), exists="replace")

    def test_a_table_is_read_whole_unless_it_is_as_before(self, database, landing):
        dataset = {"type": "pandas.SQLTableDataset", "table_name": "people", "credentials": {"con": database}}
        source = FrameSource(dataset=dataset).load()
        first = source.new(COLUMNS, {}, landing)
        assert texts(first) == [("1", "Ann"), ("2", None)]
        assert texts(source.new(COLUMNS, first.bookmarks, landing)) == []

        put(database, people((3, "Eve", "2024-01-01T12:00Z")))

        assert texts(source.new(COLUMNS, first.bookmarks, landing)) == [("1", "Ann"), ("2", None), ("3", "Eve")]

    @pytest.mark.parametrize("by_query", [True, False])
    def test_a_watermark_spares_the_rows_below_it(self, database, landing, by_query, monkeypatch):
        dataset = {"type": "pandas.SQLTableDataset", "table_name": "people", "credentials": {"con": database}}
        if by_query:
            dataset = {"type": "pandas.SQLQueryDataset", "sql": QUERY, "credentials": {"con": database}}
        source = FrameSource(dataset=dataset, watermark="changed_at", overlap="30 minutes").load()
        first = source.new(COLUMNS, {}, landing)
        assert texts(first) == [("1", "Ann"), ("2", None)]

        put(database, people((3, "Eve", "2024-01-01T12:00Z"), (4, "late commit", "2024-01-01T10:40Z")))
        second = source.new(COLUMNS, first.bookmarks, landing)

        assert texts(second) == [("2", None), ("3", "Eve"), ("4", "late commit")]
        assert texts(source.new(COLUMNS, second.bookmarks, landing)) == [("3", "Eve")]

    def test_many_rows_are_handed_to_the_engine(self, database, landing, monkeypatch):
        monkeypatch.setattr(frames, "FEW", 1)
        dataset = {"type": "pandas.SQLTableDataset", "table_name": "people", "credentials": {"con": database}}

        found = FrameSource(dataset=dataset).load().new(COLUMNS, {}, landing)

        assert not isinstance(found.rows, pa.Table)
        assert texts(found) == [("1", "Ann"), ("2", None)]

    def test_a_database_that_does_not_answer_is_named(self, landing):
        nowhere = "postgresql+psycopg://podium@127.0.0.1:1/postgres"
        dataset = {"type": "pandas.SQLTableDataset", "table_name": "people", "credentials": {"con": nowhere}}

        with pytest.raises(LakehouseError, match=r"The source people cannot be read: .*Nothing was taken in\."):
            FrameSource(dataset=dataset).load().new(COLUMNS, {}, landing)


class InMemory(AbstractDataset):
    """A dataset that loads an Arrow table."""

    def __init__(self, table: pa.Table):
        self._table = table

    def load(self) -> pa.Table:
        return self._table

    def save(self, data: object) -> None:
        raise NotImplementedError

    def _describe(self) -> dict:
        return {}


class TestOtherDatasets:
    def test_rows_of_the_engine_are_a_source(self, tmp_path, landing, spark):
        """A large table, which does not pass through the driver."""

        class OnEngine(AbstractDataset):
            def load(self):
                return spark.createDataFrame(
                    [(1, "Ann", 5), (2, None, 7), (3, "Eve", 9)], "code int, name string, at int"
                )

            def save(self, data):
                raise NotImplementedError

            def _describe(self):
                return {}

        source = FrameSource(dataset={"type": OnEngine}, watermark="at").load()

        first = source.new(COLUMNS, {}, landing)

        assert texts(first) == [("1", "Ann"), ("2", None), ("3", "Eve")]
        assert texts(source.new(COLUMNS, first.bookmarks, landing)) == [("3", "Eve")]

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (pa.date32(), [date(2024, 1, 1), None, date(2024, 1, 3)]),
            (pa.timestamp("us"), [datetime(2024, 1, 1), None, datetime(2024, 1, 3)]),
            (pa.int64(), [0, None, 2**60 + 1]),
        ],
    )
    def test_rows_without_a_watermark_are_read_each_time(self, tmp_path, landing, kind, values):
        table = rows((1, "a"), (2, "b"), (3, "c")).append_column("at", pa.array(values, kind))
        source = FrameSource(dataset={"type": InMemory, "table": table}, watermark="at", overlap="1 hour").load()

        first = source.new(COLUMNS, {}, landing)

        assert [code for code, _ in texts(first)] == ["1", "2", "3"]
        assert [code for code, _ in texts(source.new(COLUMNS, first.bookmarks, landing))] == ["2", "3"]

    def test_a_watermark_of_another_type_is_refused(self, landing):
        table = rows((1, "a")).append_column("at", pa.array(["2024-01-01"]))
        source = FrameSource(dataset={"type": InMemory, "table": table}, watermark="at").load()

        with pytest.raises(
            LakehouseError, match=r"the watermark at is string. Name a column of whole numbers, dates or"
        ):
            source.new(COLUMNS, {}, landing)

    def test_a_table_of_a_spreadsheet_is_a_source(self, tmp_path, landing):
        people((1, "Ann", "2024-01-01T10:00Z")).drop(columns="changed_at").to_csv(tmp_path / "people.tsv", sep="\t")
        dataset = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "people.tsv"), "load_args": {"sep": "\t"}}

        assert texts(FrameSource(dataset=dataset).load().new(COLUMNS, {}, landing)) == [("1", "Ann")]

    def test_a_live_source_needs_a_column_with_the_time_of_arrival(self, tmp_path, landing):
        people((1, "Ann", "2024-01-01T10:00Z")).to_csv(tmp_path / "people.csv", index=False)
        dataset = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "people.csv")}

        without = FrameSource(dataset=dataset, arrival="live").load().new(COLUMNS, {}, landing)
        found = FrameSource(dataset=dataset, arrival="live", arrived_at="changed_at").load().new(COLUMNS, {}, landing)

        assert "column arrived_at is missing" in next(iter(without.refused.values()))
        assert found.rows["known_from"].to_pylist() == [datetime(2024, 1, 1, 10, tzinfo=UTC)]
