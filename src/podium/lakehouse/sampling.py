"""A sample of a table that is the same on every engine."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["sampled"]

ORDER = "_order"


def sampled(frame: DataFrame, keys: Sequence[str], rows: int) -> DataFrame:
    """A pseudo-random sample: the ``rows`` rows whose keys have the lowest hash, in that order. Lazy.

    Args:
        frame: the rows to sample.
        keys: the columns that identify a row.
        rows: upper bound of the sample.
    """
    order = F.md5(F.concat_ws("|", *(F.col(key).cast("string") for key in keys)))
    return frame.withColumn(ORDER, order).orderBy(ORDER).limit(rows).drop(ORDER)
