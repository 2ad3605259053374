"""Export rows to one local file, batch by batch and atomically."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
from pyarrow import csv, parquet
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from podium.lakehouse import atomic_files
from podium.lakehouse.batches import gathered
from podium.private_names import result_pieces

from .execution import engine_errors, require_unique_names
from .statement import QueryError

__all__ = ["Format", "arrow_batches", "require_place", "write_file"]

Format = Literal["csv", "parquet"]


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch, /) -> None: ...


def require_place(file: Path, *, force: bool) -> None:
    """Raise if a file cannot be written: it exists and ``force`` is not set, or its folder does not exist.

    Raises:
        QueryError: the file exists and ``force`` is not set, or its folder does not exist. Nothing was read.
    """
    if not file.parent.is_dir():
        raise QueryError(f"{file} cannot be written, because the folder {file.parent} does not exist. Create it first.")
    if file.exists() and not force:
        raise QueryError(f"{file} already exists. Name another file, or replace this one with --force.")


def write_file(frame: DataFrame, file: Path, kind: Format, *, force: bool = False) -> int:
    """Write all rows to a file, atomically. Times are in UTC.

    Returns:
        The number of rows.

    Raises:
        QueryError: the file exists, the format cannot hold the rows, or the engine failed. No file was written.
    """
    require_place(file, force=force)
    with engine_errors():
        schema = to_arrow_schema(frame.schema, timezone="UTC")
    _require_fit(schema, kind)
    into = atomic_files.replace if force else atomic_files.create
    try:
        with into(file) as part, engine_errors(), _open(part, kind, schema) as writer:
            rows = _write(writer, gathered(arrow_batches(frame)), schema)
    except FileExistsError as there:
        raise QueryError(
            f"Another process created {file} while the query ran, so the file was not overwritten. Name another file."
        ) from there
    except OSError as wrong:
        raise QueryError(f"{file} cannot be written: {wrong.strerror or wrong}.") from wrong
    return rows


def arrow_batches(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """Yield a frame's rows in order, one Arrow batch at a time, because a result may be larger than the memory."""
    # Don't use toLocalIterator() on the rows: it converts them to Python objects, with times in the local time zone.
    if type(frame).__module__.startswith("pyspark.sql.connect."):
        yield from _sent(frame)
    else:
        packed: Any = frame.mapInArrow(_pack, "batch binary")
        for (batch,) in packed.toLocalIterator():
            yield from pa.ipc.open_stream(batch)


def _sent(frame: Any) -> Iterator[pa.RecordBatch]:
    """Yield the Arrow batches that a Spark Connect server sends for a frame."""
    for piece in result_pieces(frame):
        if isinstance(piece, pa.Table):  # the first piece is the schema, so skip it
            yield from piece.to_batches()


def _pack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.record_batch({"batch": pa.array([sink.getvalue().to_pybytes()], pa.binary())})


def _write(writer: _Writer, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    rows = 0
    for batch in batches:
        writer.write_batch(batch.cast(schema))
        rows += len(batch)
    return rows


def _open(file: Path, kind: Format, schema: pa.Schema) -> AbstractContextManager[_Writer]:
    return csv.CSVWriter(file, schema) if kind == "csv" else parquet.ParquetWriter(file, schema, compression="zstd")


def _require_fit(schema: pa.Schema, kind: Format) -> None:
    require_unique_names(schema.names)
    if kind == "csv" and (odd := [f"{each.name} ({each.type})" for each in schema if _is_no_text(each.type)]):
        raise QueryError(
            f"CSV cannot hold {', '.join(odd)}. Convert it in the query with to_json(…), hex(…) or string(…), or "
            "write a Parquet file with --parquet."
        )


def _is_no_text(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind)
