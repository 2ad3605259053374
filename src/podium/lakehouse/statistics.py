"""Which columns a Delta table has statistics of.

Sail 0.7.2 takes a column that has one value in a whole file from the statistics in the table's log, and reads the
number there inexactly: 21.864819999999998 becomes 21.86482. Small files, as of one hour, often have such columns. So no
statistics are kept of floating-point columns. Nobody looks rows up by them.
tests/test_workarounds.py says when this can go.
"""

from collections.abc import Collection

from pyspark.sql.types import BooleanType, DateType, IntegralType, StringType, StructType, TimestampType

__all__ = ["statistics"]

# A standard property of Delta tables, which Spark, Sail and delta-rs follow.
PROPERTY = "delta.dataSkippingStatsColumns"
EXACT = (IntegralType, StringType, DateType, TimestampType, BooleanType)


def statistics(schema: StructType, partition_by: Collection[str] = ()) -> dict[str, str]:
    """The property of a table with these columns that keeps statistics of all but floating-point columns.

    Delta refuses it for partition columns, whose values the log has anyway.
    """
    exact = [field.name for field in schema if isinstance(field.dataType, EXACT)]
    return {PROPERTY: ",".join(name for name in exact if name not in partition_by)}
