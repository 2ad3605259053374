"""Raw rows as every kind of source delivers them: text columns, and where and when each row arrived."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import AbstractDataset
from pyspark.sql import DataFrame

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.landing import Landing

__all__ = [
    "ARRIVED_AT",
    "EXTRA",
    "Arrival",
    "Delivery",
    "OpenedSources",
    "Raw",
    "SourceDataset",
    "as_text",
    "completed",
    "raw_schema",
    "time_in",
]

MOMENT = pa.timestamp("us", tz="UTC")
# What a source adds to its own columns. ``item`` is the name of the file, or of the state of the table, that a row is
# from; ``row`` its number there, if it has one; ``malformed`` the text of a line that cannot be split into columns;
# ``arrived_at`` when the row arrived, and ``known_from`` the same for a live source. Both are null where
# ``available_at`` says it.
EXTRA = (
    pa.field("item", pa.string()),
    pa.field("row", pa.int64()),
    pa.field("malformed", pa.string()),
    pa.field("arrived_at", MOMENT),
    pa.field("known_from", MOMENT),
)
# The column of a source that says when each row arrived, unless the catalog names another one.
ARRIVED_AT = "arrived_at"
TIME = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)[T_](\d\d)[:-]?(\d\d)(?:[:-]?(\d\d))?(?!\d)")


class Arrival(StrEnum):
    """Whether the time of arrival counts.

    ``history``: a dump or a backfill. A row is known from the time at which the world could know it. ``live``: nothing
    is known before it arrived.
    """

    HISTORY = "history"
    LIVE = "live"


@dataclass(frozen=True)
class Delivery:
    """The new rows of a source, and the bookmarks to record once they are in bronze.

    Attributes:
        rows: text columns and those of ``EXTRA``. Few rows are an Arrow table, many a lazy frame; None without rows.
        bookmarks: for each file or table, a text that says how far its rows are in this delivery.
        refused: the files that cannot be read, and why. They have no bookmark, so the next intake tries them again.
        opened: the files that were read, and the SHA-256 of each.
        live: whether the time of arrival of the rows counts.
        again: whether rows that were delivered before may be among them, so that an old time of arrival is no sign of a
            late row.
    """

    rows: pa.Table | DataFrame | None
    bookmarks: Mapping[str, str]
    refused: Mapping[str, str] = field(default_factory=dict)
    opened: Mapping[str, str] = field(default_factory=dict)
    live: bool = False
    again: bool = False


class OpenedSources:
    """Sources that were opened.

    Attributes:
        files: the files and tables that were read: location -> SHA-256, or ``version@id`` of a table.
        refused: the files that cannot be read, and why.
    """

    files: Mapping[str, str]
    refused: Mapping[str, str]


class SourceDataset(AbstractDataset[None, Any]):
    """What the catalog entries of all kinds of sources have in common: they are only read."""

    def save(self, data: None) -> None:
        """Always raise: nothing is written to a source."""
        raise LakehouseError(f"{self} is a source, so no node can save to it. Use it as an input.")


class Raw(Protocol):
    """A source, as a node gets it from the catalog. Nothing was read yet."""

    def new(self, columns: Sequence[str], seen: Mapping[str, str], landing: Landing) -> Delivery:
        """What is new since the bookmarks ``seen`` were recorded.

        Args:
            columns: the columns that the source must have.
            seen: the bookmarks of earlier deliveries.
            landing: where many rows are kept until they are in bronze.

        Raises:
            LakehouseError: the source does not answer, or is not the one that the bookmarks belong to.
        """

    def missing(self) -> str:
        """Describe what was looked for, for a source that holds nothing, and what is there instead."""


def raw_schema(columns: Sequence[str]) -> pa.Schema:
    """The Arrow schema of raw rows: text columns, then ``EXTRA``."""
    return pa.schema([*(pa.field(name, pa.string()) for name in columns), *EXTRA])


def time_in(name: str) -> datetime | None:
    """Parse the time (UTC) in a file's name, such as 20130801T0500Z or 2013-08-01T05-00. None if it has none."""
    found = TIME.search(name)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def as_text(table: pa.Table) -> pa.Table:
    """Convert all columns to text that converts back to the same value. NaN becomes null."""
    return pa.table([_text(column) for column in table.columns], names=table.column_names)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column).cast(pa.string())
    return column.cast(pa.string())


def completed(
    text: pa.RecordBatch,
    columns: Sequence[str],
    item: str,
    *,
    arrival: Arrival,
    told: str,
    otherwise: datetime | None,
) -> pa.RecordBatch:
    """Turn a batch of text columns, ``row`` and ``malformed`` to raw rows (``raw_schema``).

    Args:
        text: the batch. A column of ``columns`` that it lacks is null.
        columns: the columns to keep.
        item: the file or table that the rows come from.
        arrival: whether the time of arrival counts.
        told: the column that says when a row arrived. A row with another text than a time is malformed.
        otherwise: the time at which the rows arrived, if there is no such column.
    """
    there = {*text.schema.names}
    malformed, moments = text["malformed"], pa.nulls(len(text), MOMENT)
    if arrival is Arrival.LIVE and told in there:
        parsed = pd.to_datetime(text[told].to_pandas(), errors="coerce", utc=True, format="ISO8601")
        moments = pa.array(parsed.dt.as_unit("us"), MOMENT)
        unclear = pc.and_(pc.is_null(moments), pc.is_null(malformed))
        malformed = pc.if_else(unclear, f"{told}: is not a time", malformed)
    elif arrival is Arrival.LIVE:
        moments = pa.array([otherwise] * len(text), MOMENT)
    values = [text[name] if name in there else pa.nulls(len(text), pa.string()) for name in columns]
    items = pa.array([item] * len(text), pa.string())
    return pa.record_batch([*values, items, text["row"], malformed, moments, moments], schema=raw_schema(columns))
