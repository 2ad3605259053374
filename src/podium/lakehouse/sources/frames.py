"""Any Kedro dataset as a source: one that loads a pandas, Arrow or Spark table. Also what all tables have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import AbstractDataset, DatasetError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.landing import Landing
from podium.lakehouse.retention import time_span
from podium.private_names import query_arguments

from .files import as_arrival
from .raw import ARRIVED_AT, EXTRA, Arrival, Delivery, SourceDataset, as_text, completed, raw_schema
from .text import wrong_columns

__all__ = ["Frame", "FrameSource", "engine_rows", "few_rows"]

# Up to this many rows are handled in the driver.
FEW = 50_000
# The name of the parameter in a query of ``pandas.SQLQueryDataset`` that takes the watermark.
WATERMARK = "watermark"


class Frame:
    """A table that a Kedro dataset loads. Nothing is loaded before ``new``."""

    def __init__(
        self,
        name: str,
        dataset: AbstractDataset,
        *,
        arrival: Arrival,
        arrived_at: str,
        watermark: str | None,
        overlap: timedelta,
    ):
        self._name, self._dataset = name, dataset
        self._arrival, self._told = arrival, arrived_at
        self._watermark, self._overlap = watermark, overlap

    def new(self, columns: Sequence[str], seen: Mapping[str, str], landing: Landing) -> Delivery:
        """Read the table, from the watermark on if there is one (see ``Raw.new``). Ingestion drops known rows."""
        mark = json.loads(seen[self._name]) if self._name in seen else {}
        frame = self._loaded(mark.get(WATERMARK))
        names = frame.columns if isinstance(frame, DataFrame) else frame.column_names
        needed = [*columns, *([self._watermark] if self._watermark else [])]
        needed += [self._told] if self._arrival is Arrival.LIVE else []
        if wrong := wrong_columns(names, needed):
            return Delivery(None, {}, {self._name: f"{self._name}: {'; '.join(wrong)}"})
        if isinstance(frame, DataFrame):
            return self._by_engine(frame, columns, mark.get(WATERMARK))
        return self._in_driver(frame, columns, mark, landing)

    def missing(self) -> str:
        """Describe what was looked for."""
        return f"{self._name} has no rows"

    def _loaded(self, since: Any) -> pa.Table | DataFrame:
        try:
            loaded = _with_parameter(self._dataset, _from(since, self._overlap)).load()
        except DatasetError as cause:
            reason = str(cause.__cause__ or cause).strip().partition("\n")[0]
            raise LakehouseError(
                f"The source {self._name} cannot be read: {reason}. Nothing was taken in. Check that it answers, and "
                "its entry in the catalog and in credentials.yml; then run the command again."
            ) from cause
        if isinstance(loaded, pd.DataFrame):
            return pa.Table.from_pandas(loaded, preserve_index=False)
        if isinstance(loaded, pa.Table | DataFrame):
            return loaded
        if hasattr(loaded, "toArrow"):  # a DataFrame of Spark Connect
            return loaded
        raise LakehouseError(
            f"The source {self._name} is a {type(loaded).__name__}. A source must load as a pandas, Arrow or Spark "
            "table."
        )

    def _by_engine(self, frame: DataFrame, columns: Sequence[str], since: Any) -> Delivery:
        bookmark: dict[str, Any] = {}
        if self._watermark:
            column = F.col(self._watermark)
            if since is not None:
                frame = frame.filter((column >= F.lit(_from(since, self._overlap))) | column.isNull())
            newest = frame.agg(F.max(self._watermark)).toArrow().column(0)
            bookmark[WATERMARK] = self._newest(newest, since)
        live = self._arrival is Arrival.LIVE
        arrived = F.col(self._told).cast("timestamp") if live else None
        rows = engine_rows(frame, columns, self._name, arrived)
        return Delivery(rows, {self._name: json.dumps(bookmark)}, live=live, again=True)

    def _in_driver(
        self, table: pa.Table, columns: Sequence[str], mark: Mapping[str, Any], landing: Landing
    ) -> Delivery:
        live, bookmark = self._arrival is Arrival.LIVE, dict[str, Any]()
        if self._watermark:
            since, values = mark.get(WATERMARK), _comparable(table[self._watermark])
            bookmark[WATERMARK] = self._newest(values, since)
            if since is not None:
                bound = pa.scalar(_from(since, self._overlap)).cast(values.type)
                table = table.filter(pc.fill_null(pc.greater_equal(values, bound), True))
        wanted = [*columns, *([self._told] if live and self._told not in columns else [])]
        try:
            text = as_text(table.select(wanted))
        except pa.ArrowException as cause:
            return Delivery(None, {}, {self._name: f"{self._name} cannot be read as text: {cause}"}, live=live)
        bookmark["sha256"] = _digest(text)
        if bookmark == mark:
            return Delivery(None, {}, live=live)
        rows = few_rows(text, columns, self._name, arrival=self._arrival, told=self._told, otherwise=None)
        bookmarks = {self._name: json.dumps(bookmark)}
        if len(rows) <= FEW:
            return Delivery(rows, bookmarks, live=live, again=True)
        schema = raw_schema(columns)
        url, _ = landing.land(f"table-{bookmark['sha256'][:16]}", iter(rows.to_batches()), schema)
        return Delivery(landing.read([url], schema), bookmarks, live=live, again=True)

    def _newest(self, values: pa.ChunkedArray, since: Any) -> Any:
        """The newest watermark as a JSON value: a number, or a time in ISO 8601.

        Raises:
            LakehouseError: the column holds neither numbers nor times.
        """
        kind = values.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind)):
            raise LakehouseError(
                f"The source {self._name}: the watermark {self._watermark} is {kind}. Name a column of whole numbers, "
                "dates or times."
            )
        newest = pc.max(values).as_py()
        if newest is None:
            return since
        return newest.isoformat() if isinstance(newest, date) else newest


def few_rows(
    text: pa.Table,
    columns: Sequence[str],
    item: str,
    *,
    arrival: Arrival,
    told: str,
    otherwise: datetime | None,
) -> pa.Table:
    """Turn text columns to raw rows, numbered from 1 (see ``raw.completed``)."""
    numbered = text.append_column("row", pa.array(range(1, len(text) + 1), pa.int64()))
    numbered = numbered.append_column("malformed", pa.nulls(len(text), pa.string()))
    made = [
        completed(batch, columns, item, arrival=arrival, told=told, otherwise=otherwise)
        for batch in numbered.combine_chunks().to_batches()
    ]
    return pa.Table.from_batches(made, raw_schema(columns))


def engine_rows(frame: DataFrame, columns: Sequence[str], item: str, arrived: Column | None) -> DataFrame:
    """Turn the rows of a large table to raw rows, without numbers. ``arrived`` is the time of arrival, if it counts."""
    moment = F.lit(None).cast("timestamp") if arrived is None else arrived
    values = {
        "item": F.lit(item),
        "row": F.lit(None).cast("bigint"),
        "malformed": F.lit(None).cast("string"),
        "arrived_at": moment,
        "known_from": moment,
    }
    extra = [values[field.name].alias(field.name) for field in EXTRA]
    text = [F.when(~F.isnan(name), F.col(name)) if kind in {"double", "float"} else F.col(name)
            for name, kind in frame.select(*columns).dtypes]  # fmt: skip
    return frame.select(*[value.cast("string").alias(name) for name, value in zip(columns, text, strict=True)], *extra)


def _with_parameter(dataset: AbstractDataset, since: Any) -> AbstractDataset:
    """Set the watermark parameter of the dataset's SQL query, if the query has one. Returns the dataset."""
    arguments = query_arguments(dataset)
    if arguments is not None and f"%({WATERMARK})s" in arguments["sql"]:
        arguments["params"] = {**(arguments.get("params") or {}), WATERMARK: since}
    return dataset


def _comparable(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A watermark column, with dates as times."""
    return values.cast(pa.timestamp("us")) if pa.types.is_date(values.type) else values


def _from(noted: Any, overlap: timedelta) -> Any:
    """The value from which on to read: that of a watermark that was noted, or less if it is a time."""
    return pd.Timestamp(noted).to_pydatetime() - overlap if isinstance(noted, str) else noted


def _digest(text: pa.Table) -> str:
    sha256 = hashlib.sha256()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, text.schema) as writer:
        writer.write_table(text.combine_chunks())
    sha256.update(sink.getvalue())
    return sha256.hexdigest()


class FrameSource(SourceDataset):
    """A table that another Kedro dataset loads as the source of a domain, such as ``pandas.SQLTableDataset``.

    All of its rows are compared by key with those in bronze, unless ``watermark`` names a column.

    Args:
        dataset: the entry of that dataset, as it would stand in the catalog.
        arrival: ``history`` or ``live`` (see ``FilesSource``). Rows of a live source need the column ``arrived_at``.
        arrived_at: the column that says when a row arrived.
        watermark: a column that only grows, such as the time of the last change. Rows below the newest value that was
            taken in are not read again. A query of ``pandas.SQLQueryDataset`` gets the value from which on
            to read as ``%(watermark)s``, null at first.
        overlap: how far below that value rows are read all the same, because others may have been committed late.
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        arrival: Arrival | str = Arrival.HISTORY,
        arrived_at: str = ARRIVED_AT,
        watermark: str | None = None,
        overlap: str = "1 hour",
        metadata: dict[str, Any] | None = None,
    ):
        self._dataset = AbstractDataset.from_config("source", dataset)
        self._name = str(
            dataset.get("table_name") or dataset.get("table") or dataset.get("filepath") or dataset["type"]
        )
        self._arrival, self._arrived_at = as_arrival(arrival), arrived_at
        self._watermark, self._overlap = watermark, time_span(overlap)
        self.metadata = metadata

    def load(self) -> Frame:
        """Return the source, without loading the table."""
        return Frame(
            self._name,
            self._dataset,
            arrival=self._arrival,
            arrived_at=self._arrived_at,
            watermark=self._watermark,
            overlap=self._overlap,
        )

    def _describe(self) -> dict[str, Any]:
        return {"dataset": type(self._dataset).__name__, "name": self._name}
