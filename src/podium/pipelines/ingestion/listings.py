"""Find the facts that a later listing no longer has, for events whose absence means deletion.

All rows with the same time of arrival are one listing of all facts of that time: a file, a commit that overwrote a
table. A fact that an earlier listing has and a later one lacks was deleted then. This is a version of the fact, too:
known from the arrival of that listing, with ``deleted`` true and no other content.

What is deleted follows from all listings, in whatever order they are taken in. So every intake compares all of them.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Event

from .versions import GONE, REPEAT, settled_columns, versions_of, with_places

__all__ = ["settle_listings"]


def settle_listings(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame]) -> DataFrame:
    """Find the versions of all facts of an event, deletions included. Takes and returns what ``settle_few`` does."""
    keys = list(event.keys)
    ours = with_places(rows, event, taken_in)
    reported, deleted = ours.filter(~F.col("deleted")), ours.filter("deleted")
    listings = reported.select("arrived_at").distinct()
    begin = reported.groupBy(*keys).agg(F.min("arrived_at").alias("_begin"))
    absent = begin.crossJoin(listings).filter(F.col("arrived_at") > F.col("_begin")).drop("_begin")
    absent = absent.join(reported.select(*keys, "arrived_at"), [*keys, "arrived_at"], "left_anti")
    had = deleted.select(*keys, "arrived_at", "stored", "was")
    deletions = absent.join(had, [*keys, "arrived_at"], "left").select(
        *[_value(name, event, ours) for name in ours.columns]
    )
    found = versions_of(reported.union(deletions), event, live=True)
    # Of deletions in a row, only the first is a version. The others are no rows of a source, so they are kept nowhere.
    role = F.when(F.col("deleted") & (F.col("role") == REPEAT), GONE).otherwise(F.col("role"))
    found = found.withColumn("role", role).filter((F.col("role") != GONE) | (F.col("stored") == 1))
    outdated = deleted.join(absent, [*keys, "arrived_at"], "left_anti")
    outdated = outdated.withColumn("role", F.lit(GONE)).withColumn("version", F.lit(0))
    names = settled_columns(event)
    return found.select(*names).union(outdated.select(*names))


def _value(name: str, event: Event, ours: DataFrame) -> Column:
    """The value of a column of a deletion."""
    if name in (*event.keys, "arrived_at", "was"):
        return F.col(name)
    values = {
        "available_at": F.col("arrived_at"),
        "known_at": F.col("arrived_at"),
        "deleted": F.lit(True),
        "stored": F.coalesce("stored", F.lit(0)),
    }
    return values.get(name, F.lit(None).cast(ours.schema[name].dataType)).alias(name)
