"""Rows to one file on this machine: batch by batch, whole or not at all."""

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

from .execution import engine_errors
from .statement import QueryError

__all__ = ["Format", "arrow_batches", "require_place", "write_file"]

Format = Literal["csv", "parquet"]


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch, /) -> None: ...


def require_place(file: Path, *, force: bool) -> None:
    """Refuse a file that is there already, and a folder that is not.

    Raises:
        QueryError: one of the two; nothing was read.
    """
    if not file.parent.is_dir():
        raise QueryError(f"There is no folder {file.parent}.")
    if file.exists() and not force:
        raise QueryError(f"{file} is there already. Name another file, or replace it with --force.")


def write_file(frame: DataFrame, file: Path, kind: Format, *, force: bool = False) -> int:
    """Write all rows into a file that appears when it is whole; times are in UTC.

    Returns:
        How many rows there are.

    Raises:
        QueryError: there is such a file, the rows do not fit the format, or the engine failed; no file was written.
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
        raise QueryError(f"{file} appeared meanwhile, and was left alone.") from there
    except OSError as wrong:
        raise QueryError(f"{file} cannot be written: {wrong.strerror or wrong}.") from wrong
    return rows


def arrow_batches(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """The rows in their order, a batch at a time: a result may be larger than the memory here."""
    # PySpark's toLocalIterator makes rows of it, with times in this machine's zone.
    if type(frame).__module__.startswith("pyspark.sql.connect."):
        yield from _sent(frame)
    else:
        packed: Any = frame.mapInArrow(_pack, "batch binary")
        for (batch,) in packed.toLocalIterator():
            yield from pa.ipc.open_stream(batch)


def _sent(frame: Any) -> Iterator[pa.RecordBatch]:
    """What a server of Spark Connect sends: Arrow, piece by piece."""
    for piece in result_pieces(frame):
        if isinstance(piece, pa.Table):  # the first piece is the schema
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
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise QueryError(f"Two columns are called {', '.join(twice)}; give one another name with AS.")
    if kind == "csv" and (odd := [f"{each.name} ({each.type})" for each in schema if _is_no_text(each.type)]):
        raise QueryError(f"CSV cannot hold {', '.join(odd)}; write to_json(…), hex(…) or string(…), or take --parquet.")


def _is_no_text(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind)
