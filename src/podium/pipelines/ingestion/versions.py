"""Find the versions of each fact among the rows that a source has reported, in any order of intake.

The versions of a fact are the rows with its key, in the order in which they became known. A row with the same content
as the version before it is a repeat, and no version. So a value that changes and changes back has three versions.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Event

__all__ = ["CORRECTION", "candidates", "is_new_repeat", "is_rewritten", "is_version", "settle"]

# The roles of a row: the first version of its fact, a later version, a repeat of the version before it, or a second
# copy of the same row.
FIRST, CORRECTION, REPEAT, SAME = "first", "correction", "repeat", "same"
TIMES = ("known_at", "arrived_at")


def candidates(rows: DataFrame, event: Event, *taken_in: DataFrame) -> DataFrame:
    """Drop the rows that have been taken in before, in the same version and with the same arrival. Lazy."""
    ours = rows.withColumn("_content", _content(event))
    for frame in taken_in:
        seen = frame.select(*event.keys, *TIMES, _content(event).alias("_content"))
        ours = ours.join(seen, [*event.keys, *TIMES, "_content"], "left_anti")
    return ours.drop("_content")


def settle(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame]) -> DataFrame:
    """Find the versions among new rows and the rows of the same facts that have been taken in before.

    Args:
        rows: new rows, good ones: the bronze columns of the event without ``is_correction``.
        event: the event that they report.
        taken_in: the bronze table, and the repeats that were found earlier; empty if nothing was taken in.

    Returns:
        All rows of every fact that ``rows`` report on, with three more columns: ``role`` (see ``FIRST`` and the
        others), ``stored`` (1 for a row of the bronze table, 2 for an earlier repeat, 0 for a new row) and, for a row
        of the bronze table, ``is_correction`` as it is stored. Lazy.
    """
    columns = list(rows.columns)
    ours = rows.select(*columns, F.lit(0).alias("stored"), F.lit(None).cast("boolean").alias("is_correction"))
    facts = rows.select(*event.keys).distinct()
    for number, frame in enumerate(taken_in, start=1):
        flag = F.col("is_correction") if "is_correction" in frame.columns else F.lit(None).cast("boolean")
        theirs = frame.select(*columns, F.lit(number).alias("stored"), flag.alias("is_correction"))
        ours = ours.unionByName(theirs.join(facts, list(event.keys), "left_semi"))
    content = [name for name in columns if name not in (*event.keys, *TIMES)]
    # Among rows that are the same, a row of the bronze table comes first, so that it stays.
    order: list[Column | str] = [*TIMES, *content, (F.col("stored") != 1).cast("int"), "stored"]
    past = Window.partitionBy(*event.keys).orderBy(*order)
    marked = ours.withColumn("_content", _content(event))
    before = {name: F.lag(name).over(past) for name in (*TIMES, "_content")}
    is_repeat = F.col("_content") == before["_content"]
    is_same = is_repeat & (F.col("known_at") == before["known_at"]) & (F.col("arrived_at") == before["arrived_at"])
    role = F.when(before["_content"].isNull(), FIRST).when(is_same, SAME).when(is_repeat, REPEAT).otherwise(CORRECTION)
    return marked.withColumn("role", role).drop("_content")


def is_version() -> Column:
    """Whether a settled row is a version of its fact."""
    return F.col("role").isin(FIRST, CORRECTION)


def is_rewritten() -> Column:
    """Whether a settled row is in the bronze table as a version of another kind than it is now."""
    return (F.col("stored") == 1) & (~is_version() | (F.col("is_correction") != (F.col("role") == CORRECTION)))


def is_new_repeat() -> Column:
    """Whether a settled row is a repeat that is not stored as one."""
    return (F.col("role") == REPEAT) & (F.col("stored") != 2)


def _content(event: Event) -> Column:
    """A hash of what a row says, without the times at which it became known. Nulls count."""
    content = [name for name in event.columns if name not in event.keys]
    return F.xxhash64(*content, *[F.col(name).isNull() for name in content])
