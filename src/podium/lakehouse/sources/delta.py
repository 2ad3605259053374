"""A Delta table as a source: what its commits have added since the last intake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from podium.lakehouse import engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import open_store
from podium.lakehouse.handle import CATALOG, Handle, handle
from podium.lakehouse.landing import Landing

from .files import as_arrival
from .frames import FEW, engine_rows, few_rows
from .raw import ARRIVED_AT, Arrival, Delivery, SourceDataset, as_text
from .text import wrong_columns

__all__ = ["DeltaSource", "Table"]


@dataclass(frozen=True)
class Added:
    """A Parquet file that a commit added: its path, number of rows, values of partition columns, time of the commit."""

    path: str
    rows: int
    partition: Mapping[str, str | None]
    version: int
    committed: datetime


class Table:
    """A Delta table, by path or by its name in Unity Catalog. Nothing is read before ``new``."""

    def __init__(self, path: str, *, arrival: Arrival, arrived_at: str):
        self._path, self._arrival, self._told = path, arrival, arrived_at

    def new(self, columns: Sequence[str], seen: Mapping[str, str], landing: Landing) -> Delivery:
        """The rows of files that commits have added since the bookmark (see ``Raw.new``).

        A commit that changes rows adds files that also hold the rows beside them. These are known, and are left out
        later. A table in Unity Catalog is read whole if it has a new version.
        """
        table = handle(self._path)
        if not table.exists():
            raise LakehouseError(f"The source {self._path} does not exist. Name an existing table in the catalog.")
        live = self._arrival is Arrival.LIVE
        version, table_id = table.newest()
        mark = json.loads(seen[self._path]) if self._path in seen else None
        if mark is not None:
            self._require_same(mark, version, table_id)
            if mark["version"] == version:
                return Delivery(None, {}, live=live)
        names = table.schema().names
        by_commit = live and self._told not in names
        if wrong := wrong_columns(names, columns):
            return Delivery(None, {}, {self._path: f"{self._path}: {'; '.join(wrong)}"})
        bookmark = {self._path: json.dumps({"table": table_id, "version": version})}
        opened = {self._path: f"{version}@{table_id}"}
        if self._path.startswith(CATALOG) or (mark is None and not by_commit):
            return Delivery(self._whole(table, version, columns), bookmark, opened=opened, live=live, again=True)
        first = 0 if mark is None else mark["version"] + 1
        store, root = open_store(self._path)
        files = [file for number in range(first, version + 1) for file in self._commit(store, root, number)]
        if all(store.get_file_info(f"{root}/{file.path}").type is fs.FileType.File for file in files):
            rows = self._read(store, root, files, table.schema(), columns) if files else None
            return Delivery(rows, bookmark, opened=opened, live=live)
        if by_commit:
            raise LakehouseError(
                f"Files that commits added to the source {self._path} since version {first} were removed, probably by "
                "a VACUUM, and with them the time at which their rows arrived. Name a column with arrived_at, or set "
                "arrival: history."
            )
        # After OPTIMIZE and VACUUM the rows are in other files, beside older ones. Ingestion drops those it knows.
        return Delivery(self._whole(table, version, columns), bookmark, opened=opened, live=live, again=True)

    def missing(self) -> str:
        """Describe what was looked for."""
        return f"{self._path} has no rows"

    def _require_same(self, mark: Mapping[str, Any], version: int, table_id: str) -> None:
        again = (
            "To take in all of its rows from the beginning (those in bronze are recognised), name the source in "
            "<domain>.ingestion.from_the_beginning."
        )
        if mark["table"] != table_id:
            raise LakehouseError(
                f"The source {self._path} was dropped and made anew since the last intake: its id has changed. {again}"
            )
        if mark["version"] > version:
            raise LakehouseError(
                f"The source {self._path} ends at version {version}, but version {mark['version']} was taken in. It "
                f"was restored from an older copy. {again}"
            )

    def _item(self, version: int) -> str:
        return f"{self._path.rstrip('/').rpartition('/')[2]}@{version}"

    def _whole(self, table: Handle, version: int, columns: Sequence[str]) -> DataFrame:
        frame = table.read(version)
        live = self._arrival is Arrival.LIVE
        if live and self._told not in frame.columns:
            raise LakehouseError(
                f"The source {self._path} does not say when its rows arrived. Name a column with arrived_at, or set "
                "arrival: history."
            )
        arrived = F.col(self._told).cast("timestamp") if live else None
        return engine_rows(frame, columns, self._item(version), arrived)

    def _read(
        self, store: fs.FileSystem, root: str, files: Sequence[Added], schema: StructType, columns: Sequence[str]
    ) -> pa.Table | DataFrame:
        if sum(file.rows for file in files) <= FEW:
            return pa.concat_tables([self._in_driver(store, root, file, columns) for file in files])
        return self._by_engine(files, schema, columns)

    def _in_driver(self, store: fs.FileSystem, root: str, file: Added, columns: Sequence[str]) -> pa.Table:
        content = pq.read_table(f"{root}/{file.path}", filesystem=store, partitioning=None)
        for name, value in file.partition.items():
            content = content.append_column(name, pa.array([value] * len(content), pa.string()))
        wanted = [name for name in (*columns, self._told) if name in content.column_names]
        return few_rows(
            as_text(content.select(list(dict.fromkeys(wanted)))),
            columns,
            self._item(file.version),
            arrival=self._arrival,
            told=self._told,
            otherwise=file.committed,
        )

    def _by_engine(self, files: Sequence[Added], schema: StructType, columns: Sequence[str]) -> DataFrame:
        alike: dict[tuple[int, datetime, str], list[Added]] = {}
        for file in files:
            alike.setdefault((file.version, file.committed, json.dumps(dict(file.partition))), []).append(file)
        frames = []
        for (version, committed, _), mine in alike.items():
            paths = [engine.location(f"{self._path}/{file.path}") for file in mine]
            # Name the columns: files that are older than a column lack it.
            stored = StructType([field for field in schema if field.name not in mine[0].partition])
            frame = engine.session().read.schema(stored).parquet(*paths)
            for name, value in mine[0].partition.items():
                frame = frame.withColumn(name, F.lit(value))
            arrived = None
            if self._arrival is Arrival.LIVE:
                told = self._told in schema.names
                arrived = F.col(self._told).cast("timestamp") if told else F.lit(committed)
            frames.append(engine_rows(frame, columns, self._item(version), arrived))
        return reduce(DataFrame.unionByName, frames)

    def _commit(self, store: fs.FileSystem, root: str, version: int) -> list[Added]:
        """The files that a commit added with new rows."""
        log = f"{root}/_delta_log/{version:020}.json"
        if store.get_file_info(log).type is not fs.FileType.File:
            raise LakehouseError(
                f"The log of the source {self._path} no longer has version {version}, which was not taken in yet. To "
                "take in all of its rows from the beginning, name the source in <domain>.ingestion.from_the_beginning. "
                "For a live source, also name a column with arrived_at, because a commit's time is lost with it."
            )
        with store.open_input_stream(log) as stream:
            actions = [json.loads(line) for line in stream.read().decode().splitlines() if line]
        info: dict[str, int] = next((each["commitInfo"] for each in actions if "commitInfo" in each), {})
        committed = datetime.fromtimestamp(info.get("inCommitTimestamp", info.get("timestamp", 0)) / 1000, UTC)
        found = []
        for add in (each["add"] for each in actions if "add" in each and each["add"]["dataChange"]):
            if add.get("deletionVector"):
                raise LakehouseError(
                    f"Version {version} of the source {self._path} has deletion vectors, which Podium does not read. "
                    "Rewrite the table without them (REORG TABLE … APPLY (PURGE)), then name the source in "
                    "<domain>.ingestion.from_the_beginning for one run."
                )
            rows = json.loads(add.get("stats") or "{}").get("numRecords", FEW + 1)
            found.append(Added(unquote(add["path"]), rows, add.get("partitionValues") or {}, version, committed))
        return found


class DeltaSource(SourceDataset):
    """A Delta table as the source of a domain.

    Args:
        path: a path, a place in an object store, or ``uc://catalog/schema/table``.
        arrival: ``history`` or ``live`` (see ``FilesSource``).
        arrived_at: the column that says when a row of a live source arrived. Without such a column it is the time of
            the commit that added the row.
    """

    def __init__(
        self,
        *,
        path: str,
        arrival: Arrival | str = Arrival.HISTORY,
        arrived_at: str = ARRIVED_AT,
        metadata: dict[str, Any] | None = None,
    ):
        self._path, self._arrival, self._arrived_at = path, as_arrival(arrival), arrived_at
        self.metadata = metadata

    def load(self) -> Table:
        """Return the source, without reading the table."""
        return Table(self._path, arrival=self._arrival, arrived_at=self._arrived_at)

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path, "arrival": self._arrival.value}
