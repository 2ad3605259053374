"""Departure and arrival boards: events on a regular time grid, the strongest predictors of delays.

A board has rows on a regular time grid. At grid point g, a flight counts in window W if it was scheduled in (g - W, g]
(departures) or landed in (g - W, g] (arrivals). Only whole numbers are summed, so the order of additions does not
matter; divisions come last.

Nothing counts before it was known: a departure that is reported late is pending until then, and so is a flight that
was added to the timetable at short notice.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Knowledge

GRID_MINUTES = 15
# Lengths in hours of the windows of departures. No window of arrivals is longer.
WINDOWS = (1, 3, 6, 12)
HOUR = 3600


def seconds(name: str) -> Column:
    """The times of a column in seconds since 1970."""
    return F.unix_timestamp(F.col(name))


def seconds_up(name: str) -> Column:
    """The times of a column in seconds since 1970, rounded up: the first second at which they have passed."""
    return F.ceil(F.unix_micros(F.col(name)) / 1_000_000).cast("long")


def on_grid(events: DataFrame, knowledge: Knowledge) -> DataFrame:
    """Repeat each event for every grid point ``g`` (seconds) whose longest window contains the event."""
    step = GRID_MINUTES * 60
    first = F.ceil(F.col("start") / step) * step
    last = F.floor((F.col("start") + max(WINDOWS) * HOUR - 1) / step) * step
    since = F.lit(int(knowledge.since.timestamp()) // step * step + step) if knowledge.since else first
    until = F.lit(int(knowledge.until.timestamp()) // step * step)
    low, high = F.greatest(first, since).cast("long"), F.least(last, until).cast("long")
    moments = F.sequence(low, high, F.lit(step).cast("long"))
    return events.filter(low <= high).withColumn("g", F.explode(moments))


def windowed(value: Column, hours: int) -> Column:
    """The sum of a whole number over the events that started in the last ``hours`` before ``g``."""
    return F.sum(F.when(F.col("start") > F.col("g") - hours * HOUR, value.cast("long")))


def ratio(total: str, count: str) -> Column:
    """A mean or share; null without a count."""
    return F.when(F.col(count) > 0, F.col(total) / F.col(count))


def recent(frame: DataFrame, knowledge: Knowledge, hours: int) -> DataFrame:
    """Keep flights that can affect rows after ``since``: those scheduled at most ``hours`` before ``since``."""
    near = frame.filter(F.col("scheduled_departure") <= F.lit(knowledge.until))
    if knowledge.since is None:
        return near
    return near.filter(seconds("scheduled_departure") > int(knowledge.since.timestamp()) - hours * HOUR)


def moment() -> Column:
    """The time of a grid point, as the row's ``feature_time``."""
    return F.timestamp_seconds(F.col("g")).alias("feature_time")
