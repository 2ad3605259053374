"""Find the versions of each fact among the rows that sources have reported, in any order of intake.

The versions of a fact are the rows with its key, in the order in which they became known. A row with the same content
as the version before it is a repeat, and no version. So a value that changes and changes back has three versions.

Rows that became known at the same time need an order, too. In a dump, what is taken in later, or stands further down,
is newer: this is how a file is corrected. Rows of a live source are ordered by their content, because the order in
which its files are taken in must not matter. So a value that a dump corrects, and later sets back to what it was, is
not noticed: the row is one that has been taken in before.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Event

__all__ = [
    "candidates",
    "is_gone",
    "is_new_repeat",
    "is_rewritten",
    "is_version",
    "settle",
    "settle_few",
    "settled_columns",
    "versions_of",
    "with_places",
]

# The roles of a row: the first version of its fact, a later version, a repeat of the version before it, a second copy
# of the same row, or a row of the bronze table that no longer belongs there.
FIRST, CORRECTION, REPEAT, SAME, GONE = "first", "correction", "repeat", "same", "gone"
TIMES = ("known_at", "arrived_at")


# The columns that locate a row in its source, with their types. Null for rows of earlier intakes.
PLACE = {"item": "string", "row": "bigint"}
# The place of the bronze table among the tables of rows that were taken in before.
BRONZE = 1


def candidates(rows: DataFrame, event: Event, *taken_in: DataFrame) -> DataFrame:
    """Drop the rows that have been taken in before, in the same version and with the same arrival. Lazy."""
    ours = rows.withColumn("_content", _content(event))
    for frame in taken_in:
        seen = frame.select(*event.keys, *TIMES, _content(event).alias("_content"))
        ours = ours.join(seen, [*event.keys, *TIMES, "_content"], "left_anti")
    return ours.drop("_content")


def settle(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame], *, live: bool) -> DataFrame:
    """Find the versions among new rows and the rows of the same facts that have been taken in before.

    Args:
        rows: new rows, good ones: the bronze columns of the event without ``version``, and ``PLACE``.
        event: the event that they report.
        taken_in: the bronze table, and the repeats that were found earlier; empty if nothing was taken in.
        live: whether new rows are from a live source.

    Returns:
        All rows of every fact that ``rows`` report on, with three more columns: ``role`` (see ``FIRST`` and the
        others), ``version``, the number of the row among the versions of its fact or of the version that it repeats,
        and ``stored`` (1 for a row of the bronze table, 2 for an earlier repeat, 0 for a new row); and, for a row of
        the bronze table, ``was``, the number that it has there. Lazy.
    """
    ours, keys, alone = _of_the_same_facts(rows, event, taken_in), list(event.keys), F.lit(1).cast("int")
    # Most facts have one row. Look for versions only among the others: sorting all rows would take many times longer.
    several = ours.groupBy(*keys).agg(F.count(F.lit(1)).alias("_rows")).filter(F.col("_rows") > 1).drop("_rows")
    single = ours.join(several, keys, "left_anti").withColumn("role", F.lit(FIRST)).withColumn("version", alone)
    versioned = versions_of(ours.join(several, keys, "left_semi"), event, live=live)
    found = settled_columns(event)
    return single.select(*found).union(versioned.select(*found))


def settle_few(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame], *, live: bool) -> DataFrame:
    """Do the same for few rows, also those that have been taken in before. The engine reads each table only once.

    Rows of a dump that have been taken in before are dropped first: a stored row sorts before a new one of the same
    time, so that reading A and B of one time again would look like two corrections.
    """
    ours = _of_the_same_facts(rows if live else candidates(rows, event, *taken_in), event, taken_in)
    return versions_of(ours, event, live=live).select(*settled_columns(event))


def _of_the_same_facts(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame]) -> DataFrame:
    """New rows, and the rows of the same facts that have been taken in before, with their places."""
    facts = rows.select(*event.keys).distinct()
    return with_places(rows, event, [frame.join(facts, list(event.keys), "left_semi") for frame in taken_in])


def with_places(rows: DataFrame, event: Event, taken_in: Sequence[DataFrame]) -> DataFrame:
    """New rows and rows that have been taken in before, with ``PLACE``, ``stored`` and ``was`` (see ``settle``)."""
    # Don't ask the engine for columns or types: each answer takes it some milliseconds, and an hour has few rows.
    nowhere = [F.lit(None).cast(dtype).alias(name) for name, dtype in PLACE.items()]
    no_number = F.lit(None).cast("int").alias("was")
    ours = rows.select(*event.said, *PLACE, F.lit(0).alias("stored"), no_number)
    for number, frame in enumerate(taken_in, start=1):
        was = F.col("version").alias("was") if number == BRONZE else no_number
        ours = ours.union(frame.select(*event.said, *nowhere, F.lit(number).alias("stored"), was))
    return ours


def settled_columns(event: Event) -> list[str]:
    """The columns of settled rows."""
    return [*event.said, "stored", "was", "role", "version"]


def versions_of(rows: DataFrame, event: Event, *, live: bool) -> DataFrame:
    """Add ``role`` and ``version`` to all rows of some facts."""
    content = _content_columns(event)
    # Among rows that are the same, a row of the bronze table comes first, so that it stays, and a new one last.
    same: list[Column | str] = [(F.col("stored") == 0).cast("int"), "stored"]
    taken: list[Column | str] = [
        (F.col("stored") == 0).cast("int"),
        F.col("was").asc_nulls_last(),  # null for an earlier repeat, which may be in the bronze table by now
        *PLACE,
    ]
    order = [*TIMES, *content, *same] if live else [*TIMES, *taken, *content, *same]
    past = Window.partitionBy(*event.keys).orderBy(*order)
    marked = rows.withColumn("_content", _content(event))
    before = {name: F.lag(name).over(past) for name in (*TIMES, "_content")}
    is_repeat = F.col("_content") == before["_content"]
    is_same = is_repeat & (F.col("known_at") == before["known_at"]) & (F.col("arrived_at") == before["arrived_at"])
    role = F.when(before["_content"].isNull(), FIRST).when(is_same, SAME).when(is_repeat, REPEAT).otherwise(CORRECTION)
    up_to_here = past.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    numbered = F.sum(F.col("role").isin(FIRST, CORRECTION).cast("int")).over(up_to_here).cast("int")
    return marked.withColumn("role", role).withColumn("version", numbered).drop("_content")


def is_version() -> Column:
    """Whether a settled row is a version of its fact."""
    return F.col("role").isin(FIRST, CORRECTION)


def is_rewritten() -> Column:
    """Whether a row of the bronze table has an outdated version number, or is no longer a version."""
    return (F.col("stored") == 1) & (~is_version() | (F.col("was") != F.col("version")))


def is_gone() -> Column:
    """Whether a row of the bronze table no longer belongs there."""
    return F.col("role") == GONE


def is_new_repeat() -> Column:
    """Whether a settled row is a repeat that is not stored as one."""
    return (F.col("role") == REPEAT) & (F.col("stored") != 2)


def _content_columns(event: Event) -> list[str]:
    return [name for name in event.said if name not in (*event.keys, *TIMES)]


def _content(event: Event) -> Column:
    """A hash of what a row says, without the times at which it became known. Nulls count. Deletions say the same."""
    content = _content_columns(event)
    said = F.xxhash64(*content, *[F.col(name).isNull() for name in content])
    return F.when(F.col("deleted"), F.lit(0)).otherwise(said) if event.absence == "deletion" else said
