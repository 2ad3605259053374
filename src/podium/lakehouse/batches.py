"""Functions for Arrow data: join small batches, convert columns to numpy, add columns, hand a table to the engine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from podium.lakehouse import engine

__all__ = ["as_frame", "gathered", "numpy_columns", "spark_schema", "with_numbers"]

# Few rows are an Arrow table, many a lazy frame.
FewOrMany = TypeVar("FewOrMany", pa.Table, DataFrame)

# Join small batches up to this number of rows. Engines pass batches of about a thousand rows, and most operations take
# about as long for a thousand rows as for 65,536.
ROWS = 65_536


def gathered(batches: Iterable[pa.RecordBatch], rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """Concatenate batches to larger ones of at least ``rows`` rows. The last batch may be smaller."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += len(batch)
        if size >= rows:
            yield pa.concat_batches(held)
            held, size = [], 0
    if held:
        yield pa.concat_batches(held)


def numpy_columns(batch: pa.RecordBatch, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Convert the named columns to numpy arrays. Timestamps become ``datetime64[us]`` in UTC."""
    columns = {}
    for name in names:
        column = batch.column(batch.schema.get_field_index(name))
        if pa.types.is_timestamp(column.type):
            micros = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
            columns[name] = micros.to_numpy(zero_copy_only=False).astype("datetime64[us]")
        else:
            columns[name] = column.to_numpy(zero_copy_only=False)
    return columns


Numbers = Callable[[pa.RecordBatch], Iterable[np.ndarray]]


def with_numbers(rows: FewOrMany, names: Sequence[str], compute: Numbers) -> FewOrMany:
    """Add columns of doubles that a function computes from a batch of rows.

    The engine's workers compute those of a lazy frame. For few rows, starting a worker takes longer than the rest.
    """
    if isinstance(rows, pa.Table):
        batches: list[pa.RecordBatch] = rows.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]
        return pa.Table.from_batches([*_extended(batches, names, compute)])
    fields: list[str] = [f"`{field.name}` {field.dataType.simpleString()}" for field in rows.schema.fields]
    fields += [f"`{name}` double" for name in names]
    return rows.mapInArrow(lambda batches: _extended(batches, names, compute), ", ".join(fields))


def _extended(batches: Iterable[pa.RecordBatch], names: Sequence[str], compute: Numbers) -> Iterator[pa.RecordBatch]:
    for batch in gathered(batches):
        numbers = [pa.array(found, pa.float64()) for found in compute(batch)]
        yield pa.RecordBatch.from_arrays([*batch.columns, *numbers], [*batch.schema.names, *names])


def as_frame(table: pa.Table) -> DataFrame:
    """Hand an Arrow table to the engine, as a DataFrame. The table may be empty."""
    return engine.session().createDataFrame(table, spark_schema(table.schema))


def spark_schema(schema: pa.Schema) -> StructType:
    """The Spark schema of an Arrow table."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
