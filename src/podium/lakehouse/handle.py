"""Create, read and write a Delta table that has a path, or a name in Unity Catalog.

The engine reads and writes rows. Everything else needs only the table's log: delta-rs reads and writes it if the table
has a path, whichever engine is configured. If the table has only a name (Unity Catalog), the engine's SQL is used.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import TableNotFoundError
from pyarrow import fs
from pyspark.sql import DataFrame, DataFrameWriter
from pyspark.sql.types import StructField, StructType

from podium.lakehouse import engine
from podium.lakehouse.buckets import is_bucket, require_bucket
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import open_store
from podium.lakehouse.statistics import statistics

__all__ = ["CATALOG", "ByName", "ByPath", "Handle", "at_newest", "handle"]

CATALOG = "uc://"


class Handle(Protocol):
    """The operations that a Kedro dataset needs on its table."""

    @property
    def sql(self) -> str:
        """The table's name in SQL."""

    def exists(self) -> bool:
        """Whether the table exists."""

    def version(self) -> int:
        """The number of the table's newest version."""

    def newest(self) -> tuple[int, str]:
        """The newest version number, and the id that Delta gave the table on creation (empty for Unity Catalog)."""

    def lacks(self, columns: Iterable[str], version: int) -> bool:
        """Whether it is certain, without another query, that no column or nested field has one of these names."""

    def begin(self) -> datetime:
        """The time at which the oldest version in the log was committed."""

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""

    def schema(self) -> StructType:
        """The table's columns."""

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Create the table without rows. A no-op if it exists."""

    def add_columns(self, fields: Sequence[StructField]) -> None:
        """Append nullable columns to the table's schema."""

    def update_statistics(self, schema: StructType) -> None:
        """Change which columns the table has statistics of, before it gets other columns."""

    def read(self, version: int) -> DataFrame:
        """The rows of the given version, as a lazy DataFrame."""

    def write(self, writer: DataFrameWriter) -> None:
        """Write the rows of a prepared DataFrameWriter to the table."""


def handle(path: str) -> Handle:
    """The handle of the table at a path. ``uc://catalog/schema/zone/table`` means ``catalog.schema.zone_table``."""
    if not path.startswith(CATALOG):
        return ByPath(path)
    catalog, schema, *table = path.removeprefix(CATALOG).split("/")
    if not table:
        raise LakehouseError(f"{path} does not name a table. Write it as uc://catalog/schema/table.")
    return ByName(".".join(f"`{step}`" for step in (catalog, schema, "_".join(table))))


# The tables that this process has opened, and what tells that the log of a table is still the same.
_opened: dict[str, tuple[DeltaTable, tuple[int, int]]] = {}


def at_newest(path: str) -> DeltaTable:
    """The table at its newest version. A log that this process has read before is read on from there.

    A run opens each table many times, and reading a log of a hundred commits takes ten times as long as looking for the
    next one. Don't load other versions with the object: others use it, too.
    """
    known, seen = _opened.get(path, (None, None))
    if known is not None and _commit(path, known.version()) == seen:
        known.update_incremental()
    else:
        known = DeltaTable(path)
    if (found := _commit(path, known.version())) is not None:
        _opened[path] = known, found
    return known


def _commit(path: str, version: int) -> tuple[int, int] | None:
    """What tells the file of a commit from that of a table that was dropped and made anew. None in an object store."""
    try:
        found = Path(path, "_delta_log", f"{version:020}.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


class ByPath:
    """A table in a folder or an object store."""

    def __init__(self, path: str):
        self._path = path
        self._seen: DeltaTable | None = None

    @property
    def delta(self) -> DeltaTable:
        """The table at its newest version, as a delta-rs object."""
        return DeltaTable(self._path)

    @property
    def sql(self) -> str:
        """The table's name in SQL."""
        return f"delta.`{engine.location(self._path)}`"

    def exists(self) -> bool:
        """Whether the table exists."""
        if is_bucket(self._path):
            require_bucket(self._path)
        try:
            return DeltaTable.is_deltatable(self._path)
        except TableNotFoundError:
            return False

    def version(self) -> int:
        """The number of the table's newest version."""
        return self.newest()[0]

    def newest(self) -> tuple[int, str]:
        """The newest version number, and the id that Delta gave the table on creation."""
        self._seen = at_newest(self._path)
        return self._seen.version(), str(self._seen.metadata().id)

    def lacks(self, columns: Iterable[str], version: int) -> bool:
        """Whether the version that ``newest`` found has no column or nested field with one of these names."""
        if self._seen is None or self._seen.version() != version:
            return False
        names = self._seen.schema().to_json().lower()
        return not any(f'"{name.lower()}"' in names for name in columns)

    def begin(self) -> datetime:
        """The time at which the oldest version in the log was committed."""
        return datetime.fromtimestamp(self.delta.history()[-1]["timestamp"] / 1000, UTC)

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""
        table = self.delta
        table.load_as_version(moment)
        return table.version()

    def schema(self) -> StructType:
        """The table's columns."""
        return _spark(at_newest(self._path))

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Create the table without rows. A no-op if it exists."""
        DeltaTable.create(
            self._path,
            _delta(schema.fields),
            mode="ignore",
            partition_by=list(partition_by),
            configuration=properties,
            raise_if_key_not_exists=False,
            # Don't retry: if two writers create the table at the same time, a retry by the slower one would replace the
            # schema that the faster one has set.
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    def add_columns(self, fields: Sequence[StructField]) -> None:
        """Append nullable columns to the table's schema."""
        self.delta.alter.add_columns(_delta(fields).fields)

    def update_statistics(self, schema: StructType) -> None:
        """Change which columns the table has statistics of, before it gets other columns."""
        table = self.delta
        facts = table.metadata()
        wanted = statistics(schema, facts.partition_columns)
        if any(facts.configuration.get(name, value) != value for name, value in wanted.items()):
            table.alter.set_table_properties(wanted)

    def read(self, version: int) -> DataFrame:
        """The rows of the given version, as a lazy DataFrame."""
        if not engine.reads_behind_checkpoints() and (rows := self._behind_checkpoint(version)) is not None:
            return rows
        reader = engine.session().read
        return reader.format("delta").option("versionAsOf", version).load(engine.location(self._path))

    def _behind_checkpoint(self, version: int) -> DataFrame | None:
        """The rows of a version that is older than a checkpoint, read from the data files that the log lists.

        None if there is no such checkpoint, or if the log says more about the rows than their files: partitions,
        deletion vectors.
        """
        store, log = open_store(f"{self._path}/_delta_log")
        names = [file.base_name for file in store.get_file_info(fs.FileSelector(log))]
        if not any(".checkpoint" in name and f"{version + 1:020}" < name < "_" for name in names):
            return None
        table = DeltaTable(self._path, version=version)
        if table.metadata().partition_columns or table.protocol().min_reader_version > 1:
            return None
        schema, session = _spark(table), engine.session()
        paths = [unquote(name) for name in pa.table(table.get_add_actions())["path"].to_pylist()]
        if not paths:
            return session.createDataFrame([], schema)
        return session.read.schema(schema).parquet(*(f"{engine.location(self._path)}/{path}" for path in paths))

    def write(self, writer: DataFrameWriter) -> None:
        """Write the rows of a prepared DataFrameWriter to the table."""
        writer.save(engine.location(self._path))


class ByName:
    """A table in Unity Catalog, which manages the table's location and permissions."""

    def __init__(self, name: str):
        self._name = name

    @property
    def sql(self) -> str:
        """The table's name in SQL."""
        return self._name

    def exists(self) -> bool:
        """Whether the table exists."""
        return engine.session().catalog.tableExists(self._name)

    def version(self) -> int:
        """The number of the table's newest version."""
        return int(self.history()[0]["version"])

    def newest(self) -> tuple[int, str]:
        """The newest version number, and an empty id, because reading the id would cost another query."""
        return self.version(), ""

    def lacks(self, columns: Iterable[str], version: int) -> bool:
        """Not certain: the schema would cost a query."""
        return False

    def begin(self) -> datetime:
        """The time at which the oldest version in the log was committed."""
        return self.history()[-1]["timestamp"].to_pydatetime()

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""
        return max(int(commit["version"]) for commit in self.history() if commit["timestamp"] <= moment)

    def schema(self) -> StructType:
        """The table's columns."""
        return engine.session().table(self._name).schema

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Create the table without rows. A no-op if it exists."""
        session = engine.session()
        columns = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in schema.fields)
        partitions = f" PARTITIONED BY ({', '.join(f'`{name}`' for name in partition_by)})" if partition_by else ""
        pairs = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {self._name.rpartition('.')[0]}")
        session.sql(
            f"CREATE TABLE IF NOT EXISTS {self._name} ({columns}) USING delta{partitions}"
            + (f" TBLPROPERTIES ({pairs})" if pairs else "")
        )

    def add_columns(self, fields: Sequence[StructField]) -> None:
        """Append nullable columns to the table's schema."""
        columns = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in fields)
        engine.session().sql(f"ALTER TABLE {self._name} ADD COLUMNS ({columns})")

    def update_statistics(self, schema: StructType) -> None:
        """Do nothing: it only matters for Sail, which does not read Unity Catalog."""

    def read(self, version: int) -> DataFrame:
        """The rows of the given version, as a lazy DataFrame."""
        return engine.session().read.option("versionAsOf", version).table(self._name)

    def write(self, writer: DataFrameWriter) -> None:
        """Write the rows of a prepared DataFrameWriter to the table."""
        writer.saveAsTable(self._name)

    def history(self) -> list[dict[Hashable, Any]]:
        """The table's commits, newest first: ``version``, ``operation`` and ``timestamp`` in UTC."""
        shown = engine.session().sql(f"DESCRIBE HISTORY {self._name}")
        found = shown.select("version", "operation", "timestamp").toPandas()
        # Don't use collect(): it converts timestamps to the local time zone.
        found["timestamp"] = found["timestamp"].dt.tz_localize("UTC")
        return found.to_dict("records")


def _spark(table: DeltaTable) -> StructType:
    return StructType.fromJson(json.loads(table.schema().to_json()))


def _delta(fields: Sequence[StructField]) -> Schema:
    return Schema.from_json(StructType(list(fields)).json())
