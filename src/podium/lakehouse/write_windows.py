"""Replacing a window of a table: every new row must lie inside it, or a repeated write would add the row again."""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["checked", "row_outside"]

INSIDE = "__inside_window"
OUTSIDE = "podium found a row outside of the window: "
DELTA_CONDITION = "DELTA_REPLACE_WHERE_MISMATCH"


def checked(frame: DataFrame, window: str) -> DataFrame:
    """The same rows; a row for which the SQL predicate ``window`` does not hold fails the write.

    Delta on Spark does this by itself; Sail does not. The check is a Python function over the batches to be written,
    because Sail 0.7.2 moves filters above projections: a check inside a column or a filter then sees rows that are
    filtered out.
    """

    def check(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            outside, rows = pc.invert(batch[INSIDE]), batch.drop_columns([INSIDE])
            if pc.any(outside).as_py():
                row = rows.filter(outside).slice(0, 1).to_pylist()[0]
                raise ValueError(OUTSIDE + ", ".join(f"{name} = {value}" for name, value in row.items()))
            yield rows

    return frame.withColumn(INSIDE, F.expr(window)).mapInArrow(check, frame.schema)


def row_outside(error: PySparkException) -> str | None:
    """The row outside of the window, as the engine shows it; None if the error is another one."""
    if error.getCondition() == DELTA_CONDITION:
        return ", ".join(f"{name} = {value}" for name, value in re.findall(r"^ - (\S+) : (.*)$", str(error), re.M))
    found = re.search(f"{OUTSIDE}(.*)", str(error))
    return found[1] if found else None
