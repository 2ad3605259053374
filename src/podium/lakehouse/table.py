"""Delta tables as Kedro datasets: append, merge by key, replace a window, overwrite, and time travel on load."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kedro.io import AbstractDataset
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from podium.errors import did_you_mean
from podium.lakehouse import access, engine
from podium.lakehouse.conflicts import is_conflict
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.handle import CATALOG, handle
from podium.lakehouse.preview_types import TablePreview
from podium.lakehouse.retention import RETENTION, time_span
from podium.lakehouse.statistics import statistics
from podium.lakehouse.write_windows import as_text, checked, row_outside

__all__ = ["DeltaDataset", "Mode", "Rows", "Unchanged"]

logger = logging.getLogger(__name__)


class Mode(StrEnum):
    """How a save writes rows into a table."""

    APPEND = "append"
    MERGE = "merge"
    INSERT = "insert"
    REPLACE = "replace"
    OVERWRITE = "overwrite"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows to save, with the keys or the window that the table's mode needs.

    Attributes:
        frame: the rows.
        keys: the columns that identify a row. ``merge`` updates a row with known keys, ``insert`` skips it.
        window: the SQL predicate of the rows to replace. Every row of ``frame`` must fulfil it.
        mode: overrides the mode in the catalog.
        gone: for ``merge``: a boolean column that is not stored. Where it is true, the row is deleted from the table.
        compared: for ``replace``: log how many rows of the window change. Costs a query, so ask only if that is rare.
    """

    frame: DataFrame
    keys: tuple[str, ...] = ()
    window: str | None = None
    mode: Mode | None = None
    gone: str | None = None
    compared: bool = False


@dataclass(frozen=True)
class Unchanged:
    """The result of a node whose table is already up to date: saving it writes nothing. ``reason`` says why."""

    reason: str


class DeltaDataset(AbstractDataset[DataFrame | Rows | Unchanged, DataFrame | None]):
    """A Delta table, read and written by the environment's engine.

    Args:
        path: a folder, a place in an object store (``s3://bucket/…``), or ``uc://catalog/schema/…`` for a name in
            Unity Catalog.
        zone: the zone of the lakehouse that the table belongs to (bronze, quarantine, features, ...).
        mode: ``append``, ``merge`` (update and insert by key), ``insert`` (only rows with new keys), ``replace`` (the
            rows of a window) or ``overwrite``. All but ``append`` are idempotent.
        keys: key columns for ``merge`` and ``insert``, used if the saved rows do not name their keys.
        partition_by: partition columns of a new table.
        evolve: whether columns may be added or missing; missing values are null. With ``types``, a column's type may
            change too: ``replace`` then overwrites the table, and the earlier rows stay in its earlier versions.
        missing: ``error``, or ``none`` to load None if the table does not exist.
        version: load this version of the table.
        as_of: load the table as it was at this wall-clock time (ISO 8601, UTC by default).
        retention: how long a new table is kept after its last write (``14 days``), until ``podium lake clean`` drops
            it. None keeps it for ever.
        attempts: how many times a save is tried if other writers commit first.
        env: the environment that the table belongs to, if it is another one. The table is then read-only and masked.
        for_update: load clear values, for a node that compares them with rows to write. Needs the right to write.
        alias_of: the name of the entry for the same table, if this is a second one: Kedro lets only one node of a
            pipeline write a dataset, and none read what a later one writes.
    """

    # Make Kedro's ParallelRunner refuse the dataset, because processes cannot share an engine's session.
    _SINGLE_PROCESS = True
    # For a second catalog entry of a table: the one that the table is known by.
    writer: str | None = None

    def __init__(
        self,
        *,
        path: str,
        zone: str,
        mode: Mode | str = Mode.MERGE,
        keys: list[str] | None = None,
        partition_by: list[str] | None = None,
        evolve: bool | Literal["types"] = False,
        missing: Literal["error", "none"] = "error",
        version: int | None = None,
        as_of: str | None = None,
        retention: str | None = None,
        attempts: int = 8,
        env: str | None = None,
        for_update: bool = False,
        alias_of: str | None = None,
        metadata: dict[str, Any] | None = None,
    ):
        self.path = path
        self.zone = zone
        self.mode = Mode(mode)
        self.keys = tuple(keys or ())
        self.partition_by = tuple(partition_by or ())
        self.evolve = evolve
        self.missing = missing
        self.version = version
        self.as_of = as_of
        if retention is not None:
            time_span(retention)  # refuse an invalid retention here: a table created with it would never expire
        self.retention = retention
        self.attempts = attempts
        self.env = env
        self.for_update = for_update
        self.writer = alias_of
        self._handle = handle(path)
        self.metadata = metadata
        self.loaded_version: int | None = None
        self.saved_version: int | None = None
        # The id tells a table from an earlier, dropped table at the same path. Version numbers cannot do this, because
        # every table begins at version 0.
        self.table_id = ""

    def load(self) -> DataFrame | None:
        """Load the table as a lazy frame, pinned to one version so that later commits do not change it.

        Columns that the access rules mask are masked, unless the dataset is ``for_update``.

        Raises:
            AccessError: the principal may not read this zone, or may not write it if the dataset is ``for_update``.
        """
        grant = access.require("write" if self.for_update else "read", self.zone, self.path, self.env)
        if not self._exists():
            if self.missing == "none":
                return None
            raise LakehouseError(f"The table {self.path} does not exist. First run the pipeline that writes it.")
        self.loaded_version = self._version_to_load()
        frame = self._handle.read(self.loaded_version)
        # Ask the log first: the engine needs some milliseconds to tell the columns of a frame.
        if self.for_update or self._handle.lacks(grant.masks, self.loaded_version):
            return frame
        return access.masked(frame, grant)

    def save(self, data: DataFrame | Rows | Unchanged) -> None:
        """Write rows in the table's mode, in one atomic commit. Retry if another writer commits first.

        If the table does not exist, it is first created without rows, as version 0.

        Raises:
            AccessError: the principal may not write this zone. Nothing was written.
        """
        access.require("write", self.zone, self.path, self.env)
        if isinstance(data, Unchanged):
            logger.debug("%s unchanged: %s", self.path, data.reason)
            self.saved_version = self._handle.version() if self._exists() else None
            return
        rows = data if isinstance(data, Rows) else Rows(frame=data)
        attempts = Retrying(
            retry=retry_if_exception(is_conflict),
            stop=stop_after_attempt(self.attempts),
            wait=wait_random_exponential(multiplier=0.2, max=10),
            before_sleep=lambda state: logger.info("%s: another writer committed first, trying again", self.path),
        )
        before = self._handle.version() if rows.compared and self._exists() else None
        try:
            attempts(self._write, rows)
        except RetryError as lost:
            raise LakehouseError(
                f"{self.path}: nothing was written, because other writers committed first in all {self.attempts} "
                "attempts. Run the command again."
            ) from lost
        self.saved_version, self.table_id = self._handle.newest()
        if before is not None:
            self._log_changes(rows, before, self.saved_version)

    def delta(self) -> DeltaTable:
        """The table as delta-rs reads it, for its version, history and files. Starts no engine."""
        return DeltaTable(self.path)

    def preview(self, nrows: int = 10) -> TablePreview:
        """The version, columns and first rows for kedro-viz, or why they cannot be shown. Starts no engine."""
        from podium.lakehouse.table_preview import said, table_preview

        if self.path.startswith(CATALOG):
            return said(f"{self.path} is in Unity Catalog and has no preview here. See it there, or in a notebook.")
        try:
            grant = access.require("read", self.zone, self.path, self.env)
            if not self._exists():
                return said("The table does not exist yet. First run the pipeline that writes it.")
            return table_preview(self.path, self._version_to_load(), nrows, grant)
        except (LakehouseError, DeltaError) as why:
            return said(str(why))

    def _write(self, rows: Rows) -> None:
        mode = Mode(rows.mode or self.mode)  # callers may pass the mode as a plain string
        self._check_complete(rows, mode)
        frame = rows.frame
        if not self._exists():
            self._create(frame)
        elif mode is Mode.REPLACE and self.evolve == "types" and (changed := self._changed_types(frame)):
            self._require_inside(frame, rows.window)
            logger.warning(
                "%s is overwritten because types have changed (%s). The earlier rows stay in its earlier versions.",
                self.path,
                "; ".join(changed),
            )
            mode = Mode.OVERWRITE
        elif mode is not Mode.OVERWRITE:
            frame = self._fit(frame, rows.gone)
        writer = frame.write.format("delta")
        if mode is Mode.OVERWRITE:
            self._handle.update_statistics(frame.schema)
            self._handle.write(writer.mode("overwrite").option("overwriteSchema", "true"))
        elif mode is Mode.APPEND:
            self._handle.write(writer.mode("append"))
        elif mode is Mode.REPLACE:
            assert rows.window is not None
            self._replace(frame, rows.window)
        else:
            self._merge(frame, rows.keys or self.keys, update=mode is Mode.MERGE, gone=rows.gone)

    def _log_changes(self, rows: Rows, before: int, after: int) -> None:
        """Log how many rows of the window differ between two versions: rows that are new, gone or have other values."""
        assert rows.window is not None
        old, new = (self._handle.read(version).filter(rows.window) for version in (before, after))
        both = old.withColumn("_n", F.lit(-1)).unionByName(new.withColumn("_n", F.lit(1)))
        unequal = both.groupBy(*new.columns).agg(F.sum("_n").alias("_n")).filter(F.col("_n") != 0)
        keys = unequal.select(*rows.keys).distinct()
        total = new.agg(F.count(F.lit(1)).alias("rows")).crossJoin(keys.agg(F.count(F.lit(1)).alias("changed")))
        facts = total.toArrow().to_pylist()[0]
        name = "/".join(self.path.split("/")[-2:])
        logger.info("%s: %s of %s rows have changed", name, f"{facts['changed']:,}", f"{facts['rows']:,}")

    def _check_complete(self, rows: Rows, mode: Mode) -> None:
        """Raise if a save lacks the keys or the window that its mode needs, even if the table does not exist yet."""
        keys = rows.keys or self.keys
        if mode is Mode.REPLACE and rows.window is None:
            raise LakehouseError(f"{self.path}: mode replace needs the window to replace. Save Rows(window=...).")
        if mode in {Mode.MERGE, Mode.INSERT}:
            if not keys:
                raise LakehouseError(f"{self.path}: mode {mode} needs key columns. Set keys, or save Rows(keys=...).")
            unknown = [f"{key}{did_you_mean(key, rows.frame.columns)}" for key in keys if key not in rows.frame.columns]
            if unknown:
                raise LakehouseError(f"{self.path}: the rows have no key column {', '.join(unknown)}.")

    def _create(self, frame: DataFrame) -> None:
        # Create the table without rows: the caller then writes the rows in their mode, such as merge. If two concurrent
        # writers each created the table together with the rows, every key would be in the table twice.
        properties = {RETENTION: self.retention} if self.retention else {}
        properties |= statistics(frame.schema, self.partition_by)
        self._handle.create(_nullable(frame.schema.fields), self.partition_by, properties)

    def _replace(self, frame: DataFrame, window: str) -> None:
        # If the predicate is null for an existing row, Spark keeps the row and Sail drops it. Make the predicate false
        # instead of null, so that both engines keep the row.
        certain = f"({window}) IS NOT NULL AND ({window})"
        if not engine.checks_windows():
            frame = checked(frame, certain)
        try:
            self._handle.write(frame.write.format("delta").mode("overwrite").option("replaceWhere", certain))
        except PySparkException as error:
            if (row := row_outside(error)) is None:
                raise
            raise LakehouseError(
                f"{self.path}: nothing was written, because a row lies outside of the window {window}: {row}."
            ) from error

    def _merge(self, frame: DataFrame, keys: tuple[str, ...], *, update: bool, gone: str | None) -> None:
        same = " AND ".join(f"t.`{key}` <=> s.`{key}`" for key in keys)
        columns = [f"`{name}`" for name in frame.columns if name != gone]
        values = ", ".join(f"s.{name}" for name in columns)
        delete, there = (f"WHEN MATCHED AND s.`{gone}` THEN DELETE ", f"AND NOT s.`{gone}` ") if gone else ("", "")
        change = (
            f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = s.{name}' for name in columns)} " if update else ""
        )
        engine.session().sql(
            f"MERGE INTO {self._handle.sql} t USING {{rows}} s ON {same} {delete}{change}"
            f"WHEN NOT MATCHED {there}THEN INSERT ({', '.join(columns)}) VALUES ({values})",
            rows=frame,
        ).collect()

    def _fit(self, frame: DataFrame, gone: str | None = None) -> DataFrame:
        """The rows with the table's columns in the table's order. If the table may evolve, it gains the new columns.

        No value is cast to another type, because engines differ in which casts they do silently.
        """
        have, want = _types(frame.schema), _types(self._handle.schema())
        marks = [gone] if gone else []
        new, lost = [n for n in have if n not in {*want, *marks}], [n for n in want if n not in have]
        self._refuse(have, want, new, lost)
        if new:
            # Add new columns before the write, because each engine supports new columns in only some write modes.
            self._handle.add_columns(_nullable([frame.schema[name] for name in new]).fields)
        if list(have) == [*want, *new, *marks]:
            return frame  # skip a select that would change nothing: it would still cost Spark ten milliseconds
        for name in lost:
            frame = frame.withColumn(name, F.lit(None).cast(want[name]))
        return frame.select(*want, *new, *marks)

    def _changed_types(self, frame: DataFrame) -> list[str]:
        return _differences(_types(frame.schema), _types(self._handle.schema()))

    def _require_inside(self, frame: DataFrame, window: str | None) -> None:
        """Raise if a row lies outside of the window, because an overwrite does not check that."""
        outside = frame.filter(f"NOT coalesce({window}, false)").limit(1).toArrow().to_pylist()
        if outside:
            raise LakehouseError(
                f"{self.path}: nothing was written, because a row lies outside of the window {window}: "
                f"{as_text(outside[0])}."
            )

    def _refuse(self, have: dict[str, str], want: dict[str, str], new: list[str], gone: list[str]) -> None:
        wrong = _differences(have, want)
        if not self.evolve:
            wrong = [f"column {name} is missing" for name in gone] + wrong
            wrong += [f"column {name} is not in the table" for name in new]
        if wrong:
            raise LakehouseError(
                f"{self.path}: nothing was written, because the rows do not fit the table: {'; '.join(wrong)}."
            )

    def _version_to_load(self) -> int:
        newest, self.table_id = self._handle.newest()
        if self.version is not None:
            if not 0 <= self.version <= newest:
                raise LakehouseError(f"{self.path} has no version {self.version}; the newest is {newest}.")
            return self.version
        if self.as_of is None:
            return newest
        moment, begin = _moment(self.as_of), self._handle.begin()
        if moment < begin:
            raise LakehouseError(
                f"{self.path} cannot be read as of {self.as_of}, because its log begins later, at {begin.isoformat()}. "
                "Choose a later time."
            )
        return self._handle.version_at(moment)

    def _exists(self) -> bool:
        return self._handle.exists()

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path, "zone": self.zone, "mode": str(self.mode), "version": self.version}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise LakehouseError(f"as_of {text!r} is not a time. Write it as 2013-08-01T06:00 (UTC).") from wrong
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _nullable(fields: list[StructField]) -> StructType:
    """The fields, all nullable: a column without nulls in the first rows may get nulls later."""
    return StructType([StructField(field.name, field.dataType) for field in fields])


def _types(schema: StructType) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in schema.fields}


def _differences(have: dict[str, str], want: dict[str, str]) -> list[str]:
    """Describe the columns whose type differs between the rows and the table."""
    return [f"column {n} is {have[n]}, the table has {want[n]}" for n in want if n in have and have[n] != want[n]]
