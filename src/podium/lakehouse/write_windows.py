"""Check that all rows which replace a window lie inside it. If a row did not, a repeated write would duplicate it."""

import re
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["as_text", "checked", "row_outside"]

INSIDE = "__inside_window"
OUTSIDE = "podium found a row outside of the window: "
DELTA_CONDITION = "DELTA_REPLACE_WHERE_MISMATCH"


def checked(frame: DataFrame, window: str) -> DataFrame:
    """The same rows, with a check: the write fails if the SQL predicate ``window`` is false for a row.

    Delta on Spark does this check itself, Sail does not. The check is a Python function over the batches to be written.
    As an SQL expression it would also see rows that the query filters out, because Sail 0.7.2 moves filters above
    projections.
    """

    def check(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            outside, rows = pc.invert(batch[INSIDE]), batch.drop_columns([INSIDE])
            if pc.any(outside).as_py():
                row = rows.filter(outside).slice(0, 1).to_pylist()[0]
                raise ValueError(OUTSIDE + as_text(row))
            yield rows

    return frame.withColumn(INSIDE, F.expr(window)).mapInArrow(check, frame.schema)


def as_text(row: Mapping[str, object]) -> str:
    """Format a row for an error message: each column as ``name = value``, on one line."""
    return ", ".join(f"{name} = {value}" for name, value in row.items())


def row_outside(error: PySparkException) -> str | None:
    """Find the row outside of the window in the text of a write's error. None if the error has another cause."""
    if error.getCondition() == DELTA_CONDITION:
        return as_text(dict(re.findall(r"^ - (\S+) : (.*)$", str(error), re.M)))
    found = re.search(f"{OUTSIDE}(.*)", str(error))
    return found[1] if found else None
