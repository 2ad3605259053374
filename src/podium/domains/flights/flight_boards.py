"""The state of the departure and arrival boards at a given time, the strongest predictor of delays.

A board has rows on a regular time grid. At grid point g, a flight counts in window W if it was scheduled in (g - W, g]
(departures) or landed in (g - W, g] (arrivals). Only whole numbers are summed, so the order of additions does not
matter; divisions come last.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .outcomes import LATE_MINUTES
from .sources import KEYS

GRID_MINUTES = 15
WINDOWS = (1, 3, 6, 12)
ARRIVAL_WINDOWS = (3, 6, 12)
# Upper bound from scheduled departure to landing: the longest delay that the contracts allow, plus a day in the air.
LONGEST_FLIGHT_HOURS = 72
HOUR = 3600


def _seconds(name: str) -> Column:
    return F.unix_timestamp(F.col(name))


def _on_grid(events: DataFrame, knowledge: Knowledge) -> DataFrame:
    """Repeat each event for every grid point ``g`` (seconds) whose longest window contains the event."""
    step = GRID_MINUTES * 60
    first = F.ceil(F.col("start") / step) * step
    last = F.floor((F.col("start") + max(WINDOWS) * HOUR - 1) / step) * step
    since = F.lit(int(knowledge.since.timestamp()) // step * step + step) if knowledge.since else first
    until = F.lit(int(knowledge.until.timestamp()) // step * step)
    low, high = F.greatest(first, since).cast("long"), F.least(last, until).cast("long")
    moments = F.sequence(low, high, F.lit(step).cast("long"))
    return events.filter(low <= high).withColumn("g", F.explode(moments))


def _windowed(value: Column, hours: int) -> Column:
    """The sum of a whole number over the events that started in the last ``hours`` before ``g``."""
    return F.sum(F.when(F.col("start") > F.col("g") - hours * HOUR, value.cast("long")))


def _ratio(total: str, count: str) -> Column:
    return F.when(F.col(count) > 0, F.col(total) / F.col(count))


def _recent(frame: DataFrame, knowledge: Knowledge, hours: int) -> DataFrame:
    """Keep flights that can affect rows after ``since``: those scheduled at most ``hours`` before ``since``."""
    recent = frame.filter(F.col("scheduled_departure") <= F.lit(knowledge.until))
    if knowledge.since is None:
        return recent
    return recent.filter(_seconds("scheduled_departure") > int(knowledge.since.timestamp()) - hours * HOUR)


def _departing(knowledge: Knowledge, by: Sequence[str]) -> DataFrame:
    """Every scheduled flight: ``start``, and the times (seconds) of departure and of a known cancellation, or null."""
    planned, gone, cancelled = (
        _recent(knowledge.bronze[name], knowledge, max(WINDOWS)) for name in ("timetable", "departure", "cancellation")
    )
    left = gone.select(*KEYS, _seconds("departed_at").alias("left"), "dep_delay")
    dropped = cancelled.select(*KEYS, _seconds("available_at").alias("dropped"))
    flights = planned.select(*KEYS, "dest").join(left, list(KEYS), "left").join(dropped, list(KEYS), "left")
    return flights.select(_seconds("scheduled_departure").alias("start"), "left", "dropped", "dep_delay", *by)


def _landing(knowledge: Knowledge, by: Sequence[str]) -> DataFrame:
    """Every landed flight; ``start`` is its landing time."""
    arrived, planned, gone = (
        _recent(knowledge.bronze[name], knowledge, max(WINDOWS) + LONGEST_FLIGHT_HOURS)
        for name in ("arrival", "timetable", "departure")
    )
    landed = arrived.filter(F.col("arrived_at").isNotNull()).select(*KEYS, "arrived_at", "arr_delay")
    flights = landed.join(planned.select(*KEYS, "dest"), list(KEYS)).join(gone.select(*KEYS, "dep_delay"), list(KEYS))
    return flights.select(_seconds("arrived_at").alias("start"), "arr_delay", "dep_delay", *by)


def departures(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Compute the departure board of each group: pending flights, delay so far, share late, known cancellations."""
    board = _on_grid(_departing(knowledge, by), knowledge)
    is_gone = F.coalesce(F.col("left") <= F.col("g"), F.lit(False))
    is_dropped = F.coalesce(F.col("dropped") <= F.col("g"), F.lit(False))
    waiting = ~is_gone & ~is_dropped
    so_far = F.floor((F.col("g") - F.col("start")) / 60)
    delay = F.when(is_gone, F.col("dep_delay")).when(waiting, so_far)
    board = board.withColumn("waiting", waiting).withColumn("delay", delay)
    sums, columns = [], []
    for hours in WINDOWS:
        sums += [
            _windowed(F.col("waiting").cast("int"), hours).alias(f"waiting_{hours}"),
            _windowed(F.col("delay"), hours).alias(f"delay_{hours}"),
            _windowed(F.col("delay").isNotNull().cast("int"), hours).alias(f"counted_{hours}"),
            _windowed((F.col("delay") >= LATE_MINUTES).cast("int"), hours).alias(f"late_{hours}"),
        ]
        columns += [
            F.coalesce(F.col(f"waiting_{hours}"), F.lit(0)).alias(f"{prefix}_pending_{hours}h"),
            _ratio(f"delay_{hours}", f"counted_{hours}").alias(f"{prefix}_delay_{hours}h"),
            _ratio(f"late_{hours}", f"counted_{hours}").alias(f"{prefix}_late_{hours}h"),
        ]
    sums.append(_windowed(is_dropped.cast("int"), max(WINDOWS)).alias("dropped"))
    columns.append(F.col("dropped").alias(f"{prefix}_cancelled_{max(WINDOWS)}h"))
    return board.groupBy(*by, "g").agg(*sums).select(*by, _moment(), *columns)


def arrivals(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Compute, over each group's recent landings: the mean delay, minutes made up in the air, and the share late."""
    board = _on_grid(_landing(knowledge, by), knowledge)
    sums, columns = [], []
    for hours in ARRIVAL_WINDOWS:
        sums += [
            _windowed(F.col("arr_delay").isNotNull().cast("int"), hours).alias(f"landed_{hours}"),
            _windowed(F.col("arr_delay"), hours).alias(f"delay_{hours}"),
            _windowed(F.col("dep_delay") - F.col("arr_delay"), hours).alias(f"gain_{hours}"),
            _windowed((F.col("arr_delay") >= LATE_MINUTES).cast("int"), hours).alias(f"late_{hours}"),
        ]
        columns += [
            _ratio(f"delay_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_delay_{hours}h"),
            _ratio(f"gain_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_gain_{hours}h"),
            _ratio(f"late_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_late_{hours}h"),
        ]
    return board.groupBy(*by, "g").agg(*sums).select(*by, _moment(), *columns)


def _moment() -> Column:
    return F.timestamp_seconds(F.col("g")).alias("feature_time")


def departure_features(prefix: str, whose: str) -> tuple[Feature, ...]:
    """The features that ``departures`` computes."""
    features = []
    for hours in WINDOWS:
        when = f"flights {whose} scheduled in the last {hours} h"
        features += [
            Feature(f"{prefix}_pending_{hours}h", "bigint", "flights", f"{when}: not gone, not known to be cancelled"),
            Feature(f"{prefix}_delay_{hours}h", "double", "minutes", f"{when}: mean delay, so far if not gone"),
            Feature(f"{prefix}_late_{hours}h", "double", "share", f"{when}: {LATE_MINUTES} min late or more, so far"),
        ]
    longest = max(WINDOWS)
    known = f"flights {whose} scheduled in the last {longest} h: known to be cancelled"
    return (*features, Feature(f"{prefix}_cancelled_{longest}h", "bigint", "flights", known))


def arrival_features(prefix: str, whose: str) -> tuple[Feature, ...]:
    """The features that ``arrivals`` computes."""
    features = []
    for hours in ARRIVAL_WINDOWS:
        when = f"flights {whose} landed in the last {hours} h"
        features += [
            Feature(f"{prefix}_arr_delay_{hours}h", "double", "minutes", f"{when}: mean delay on arrival"),
            Feature(f"{prefix}_arr_gain_{hours}h", "double", "minutes", f"{when}: mean delay made up on the way"),
            Feature(f"{prefix}_arr_late_{hours}h", "double", "share", f"{when}: {LATE_MINUTES} min late or more"),
        ]
    return tuple(features)
