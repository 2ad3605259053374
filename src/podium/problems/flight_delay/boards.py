"""What an observer of the departure and arrival boards sees at a moment: the strongest sign of delays to come.

A board is kept on a regular grid of moments. At grid moment g a flight counts in window W when it was scheduled in
(g - W, g] (departures) or landed in (g - W, g] (arrivals). Everything summed is a whole number, so that the order of
addition cannot matter; divisions come last.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.problems.base import Feature, Knowledge, Params

from .sources import KEYS

GRID_MINUTES = 15
WINDOWS = (1, 3, 6, 12)
HOUR = 3600
LATE_MINUTES = 15


def _seconds(name: str) -> Column:
    return F.unix_timestamp(F.col(name))


def _on_grid(events: DataFrame, start: str, knowledge: Knowledge) -> DataFrame:
    """One row for each event and each grid moment at which it is in the longest window; adds ``g`` (seconds)."""
    step = GRID_MINUTES * 60
    first = F.ceil(F.col(start) / step) * step
    last = F.floor((F.col(start) + max(WINDOWS) * HOUR - 1) / step) * step
    since = F.lit(int(knowledge.since.timestamp()) // step * step + step) if knowledge.since else first
    until = F.lit(int(knowledge.until.timestamp()) // step * step)
    low, high = F.greatest(first, since).cast("long"), F.least(last, until).cast("long")
    grid = F.explode(F.sequence(low, high, F.lit(step).cast("long")))
    return events.filter(low <= high).withColumn("g", grid)


def _windowed(value: Column, start: str, hours: int) -> Column:
    """Sum of a whole number over the events whose ``start`` lies in the last ``hours``."""
    return F.sum(F.when(F.col(start) > F.col("g") - hours * HOUR, value.cast("long")))


def _ratio(total: str, count: str) -> Column:
    return F.when(F.col(count) > 0, F.col(total) / F.col(count))


def _recent(frame: DataFrame, knowledge: Knowledge, hours: int) -> DataFrame:
    """Only what was scheduled late enough to be on the board since ``since``."""
    recent = frame.filter(F.col("scheduled_departure") <= F.lit(knowledge.until))
    if knowledge.since is None:
        return recent
    return recent.filter(F.unix_timestamp("scheduled_departure") > int(knowledge.since.timestamp()) - hours * HOUR)


def departures(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """The departure board of each group: flights pending, delay so far, share late, known cancellations."""
    flights = _recent(knowledge.bronze["timetable"], knowledge, max(WINDOWS)).select(*KEYS, "dest")
    gone = _recent(knowledge.bronze["departure"], knowledge, max(WINDOWS))
    cancelled = _recent(knowledge.bronze["cancellation"], knowledge, max(WINDOWS))
    seen = (
        flights.join(gone.select(*KEYS, _seconds("departed_at").alias("left"), "dep_delay"), list(KEYS), "left")
        .join(cancelled.select(*KEYS, _seconds("available_at").alias("dropped")), list(KEYS), "left")
        .withColumn("start", _seconds("scheduled_departure"))
        .select("start", "left", "dropped", "dep_delay", *dict.fromkeys((*by, "dest")))
    )
    g = F.col("g")
    is_gone = F.coalesce(F.col("left") <= g, F.lit(False))
    is_dropped = F.coalesce(F.col("dropped") <= g, F.lit(False))
    waiting = ~is_gone & ~is_dropped
    delay = F.when(is_gone, F.col("dep_delay")).when(waiting, F.floor((g - F.col("start")) / 60))
    board = _on_grid(seen, "start", knowledge).withColumn("waiting", waiting).withColumn("delay", delay)
    sums = []
    for hours in WINDOWS:
        sums += [
            _windowed(F.col("waiting").cast("int"), "start", hours).alias(f"waiting_{hours}"),
            _windowed(F.col("delay"), "start", hours).alias(f"delay_{hours}"),
            _windowed(F.col("delay").isNotNull().cast("int"), "start", hours).alias(f"counted_{hours}"),
            _windowed((F.col("delay") >= LATE_MINUTES).cast("int"), "start", hours).alias(f"late_{hours}"),
        ]
    sums.append(_windowed(is_dropped.cast("int"), "start", max(WINDOWS)).alias("dropped"))
    columns = []
    for hours in WINDOWS:
        columns += [
            F.coalesce(F.col(f"waiting_{hours}"), F.lit(0)).alias(f"{prefix}_pending_{hours}h"),
            _ratio(f"delay_{hours}", f"counted_{hours}").alias(f"{prefix}_delay_{hours}h"),
            _ratio(f"late_{hours}", f"counted_{hours}").alias(f"{prefix}_late_{hours}h"),
        ]
    columns.append(F.col("dropped").alias(f"{prefix}_cancelled_{max(WINDOWS)}h"))
    return board.groupBy(*by, "g").agg(*sums).select(*by, _moment(), *columns)


def arrivals(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Flights of each group that landed lately: how many, how late, and minutes gained in the air."""
    window = max(WINDOWS)
    # A flight that lands now was scheduled at most two days ago (the longest delay that a contract lets through).
    landed = _recent(knowledge.bronze["arrival"], knowledge, window + 72).filter(F.col("arrived_at").isNotNull())
    dest = _recent(knowledge.bronze["timetable"], knowledge, window + 72).select(*KEYS, "dest")
    left = _recent(knowledge.bronze["departure"], knowledge, window + 72).select(*KEYS, "dep_delay")
    seen = (
        landed.join(dest, list(KEYS))
        .join(left, list(KEYS))
        .withColumn("start", _seconds("arrived_at"))
        .select("start", "arr_delay", "dep_delay", *dict.fromkeys((*by, "dest")))
    )
    board = _on_grid(seen, "start", knowledge)
    sums, columns = [], []
    for hours in WINDOWS[1:]:
        sums += [
            _windowed(F.col("arr_delay").isNotNull().cast("int"), "start", hours).alias(f"landed_{hours}"),
            _windowed(F.col("arr_delay"), "start", hours).alias(f"delay_{hours}"),
            _windowed(F.col("dep_delay") - F.col("arr_delay"), "start", hours).alias(f"gain_{hours}"),
            _windowed((F.col("arr_delay") >= LATE_MINUTES).cast("int"), "start", hours).alias(f"late_{hours}"),
        ]
        columns += [
            _ratio(f"delay_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_delay_{hours}h"),
            _ratio(f"gain_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_gain_{hours}h"),
            _ratio(f"late_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_late_{hours}h"),
        ]
    return board.groupBy(*by, "g").agg(*sums).select(*by, _moment(), *columns)


def _moment() -> Column:
    return F.timestamp_seconds(F.col("g")).alias("feature_time")
