"""Arrow batches in a worker: concatenated into larger ones, and converted to numpy columns."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

__all__ = ["gathered", "numpy_columns"]

# Engines pass about a thousand rows per batch. Most operations on a batch take about as long for 65,536 rows, so join
# small batches up to this size.
ROWS = 65_536


def gathered(batches: Iterable[pa.RecordBatch], rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """Concatenate batches until each has at least ``rows`` rows. The last one may be smaller."""
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
