"""A Delta table as something one can ask about and prepare: by its path, or by its name in a catalog.

Rows go through the engine. What its log says, and what is done before the first row, goes through delta-rs where there
is a path, on every engine alike, and through the engine's SQL where there is only a name (Unity Catalog).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import TableNotFoundError
from pyspark.sql import DataFrame, DataFrameWriter
from pyspark.sql.types import StructField, StructType

from podium.lakehouse import engine
from podium.lakehouse.buckets import is_bucket, require_bucket
from podium.lakehouse.errors import LakehouseError

__all__ = ["CATALOG", "ByName", "ByPath", "Handle", "handle"]

CATALOG = "uc://"


class Handle(Protocol):
    """What a dataset asks of a table, apart from its rows."""

    @property
    def sql(self) -> str:
        """What SQL calls it."""

    def exists(self) -> bool:
        """Whether there is such a table."""

    def version(self) -> int:
        """Of the last commit."""

    def newest(self) -> tuple[int, str]:
        """The version, and the id that the table got when it was made; empty where it costs a query to know."""

    def begin(self) -> datetime:
        """When its oldest known version was committed."""

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""

    def schema(self) -> StructType:
        """Its columns."""

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Make it, without rows; nothing where it is already there."""

    def add_columns(self, fields: Sequence[StructField]) -> None:
        """Add columns that may be null, at the end."""

    def read(self, version: int) -> DataFrame:
        """Its rows at a version."""

    def write(self, writer: DataFrameWriter) -> None:
        """Let a prepared writer write to it."""


def handle(path: str) -> Handle:
    """The table at a path, or the one called ``catalog.schema.zone_table`` for ``uc://catalog/schema/zone/table``."""
    if not path.startswith(CATALOG):
        return ByPath(path)
    catalog, schema, *table = path.removeprefix(CATALOG).split("/")
    if not table:
        raise LakehouseError(f"{path} names no table; write uc://catalog/schema/table.")
    return ByName(".".join(f"`{step}`" for step in (catalog, schema, "_".join(table))))


class ByPath:
    """A table in a folder or an object store."""

    def __init__(self, path: str):
        self._path = path

    @property
    def delta(self) -> DeltaTable:
        """The table as delta-rs sees it now."""
        return DeltaTable(self._path)

    @property
    def sql(self) -> str:
        """What SQL calls it."""
        return f"delta.`{engine.location(self._path)}`"

    def exists(self) -> bool:
        """Whether there is such a table."""
        if is_bucket(self._path):
            require_bucket(self._path)
        try:
            return DeltaTable.is_deltatable(self._path)
        except TableNotFoundError:
            return False

    def version(self) -> int:
        """Of the last commit."""
        return self.newest()[0]

    def newest(self) -> tuple[int, str]:
        """The version, and the id that the table got when it was made."""
        table = DeltaTable(self._path, without_files=True)
        return table.version(), str(table.metadata().id)

    def begin(self) -> datetime:
        """When its oldest known version was committed."""
        return datetime.fromtimestamp(self.delta.history()[-1]["timestamp"] / 1000, UTC)

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""
        table = self.delta
        table.load_as_version(moment)
        return table.version()

    def schema(self) -> StructType:
        """Its columns."""
        return StructType.fromJson(json.loads(DeltaTable(self._path, without_files=True).schema().to_json()))

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Make it, without rows; nothing where it is already there."""
        DeltaTable.create(
            self._path,
            _delta(schema.fields),
            mode="ignore",
            partition_by=list(partition_by),
            configuration=properties,
            raise_if_key_not_exists=False,
            # Of two that make it at once, the later one would try again and replace the schema, as version 1.
            commit_properties=CommitProperties(max_commit_retries=0),
        )

    def add_columns(self, fields: Sequence[StructField]) -> None:
        """Add columns that may be null, at the end."""
        self.delta.alter.add_columns(_delta(fields).fields)

    def read(self, version: int) -> DataFrame:
        """Its rows at a version."""
        reader = engine.session().read.format("delta").option("versionAsOf", version)
        return reader.load(engine.location(self._path))

    def write(self, writer: DataFrameWriter) -> None:
        """Let a prepared writer write to it."""
        writer.save(engine.location(self._path))


class ByName:
    """A table of a catalog, which knows where it lies and who may see it."""

    def __init__(self, name: str):
        self._name = name

    @property
    def sql(self) -> str:
        """What SQL calls it."""
        return self._name

    def exists(self) -> bool:
        """Whether there is such a table."""
        return engine.session().catalog.tableExists(self._name)

    def version(self) -> int:
        """Of the last commit."""
        return int(self.history()[0]["version"])

    def newest(self) -> tuple[int, str]:
        """The version; nothing is asked about the id."""
        return self.version(), ""

    def begin(self) -> datetime:
        """When its oldest known version was committed."""
        return self.history()[-1]["timestamp"].to_pydatetime()

    def version_at(self, moment: datetime) -> int:
        """The version that was current at a wall-clock time."""
        return max(int(commit["version"]) for commit in self.history() if commit["timestamp"] <= moment)

    def schema(self) -> StructType:
        """Its columns."""
        return engine.session().table(self._name).schema

    def create(self, schema: StructType, partition_by: Sequence[str], properties: Mapping[str, str]) -> None:
        """Make it, without rows; nothing where it is already there."""
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
        """Add columns that may be null, at the end."""
        columns = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in fields)
        engine.session().sql(f"ALTER TABLE {self._name} ADD COLUMNS ({columns})")

    def read(self, version: int) -> DataFrame:
        """Its rows at a version."""
        return engine.session().read.option("versionAsOf", version).table(self._name)

    def write(self, writer: DataFrameWriter) -> None:
        """Let a prepared writer write to it."""
        writer.saveAsTable(self._name)

    def history(self) -> list[dict[Hashable, Any]]:
        """Its commits, the newest first: ``version``, ``operation`` and ``timestamp`` in UTC."""
        shown = engine.session().sql(f"DESCRIBE HISTORY {self._name}")
        found = shown.select("version", "operation", "timestamp").toPandas()
        # Not by collect: that turns times into those of this machine's own time zone.
        found["timestamp"] = found["timestamp"].dt.tz_localize("UTC")
        return found.to_dict("records")


def _delta(fields: Sequence[StructField]) -> Schema:
    return Schema.from_json(StructType(list(fields)).json())
