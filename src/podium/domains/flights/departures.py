"""The departure board: flights that are pending, gone or known to be cancelled."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .boards import WINDOWS, moment, on_grid, ratio, recent, seconds, seconds_up, windowed
from .columns import KEYS
from .outcomes import LATE_MINUTES


def _departing(knowledge: Knowledge, by: Sequence[str]) -> DataFrame:
    """Every scheduled flight: ``start``, and when it, its departure and its cancellation became known, or null."""
    planned, gone, cancelled = (
        recent(knowledge.bronze[name], knowledge, max(WINDOWS)) for name in ("timetable", "departure", "cancellation")
    )
    published = planned.select(*KEYS, "dest", seconds_up("known_at").alias("published"))
    left = gone.select(*KEYS, seconds_up("known_at").alias("left"), "dep_delay")
    dropped = cancelled.select(*KEYS, seconds_up("known_at").alias("dropped"))
    flights = published.join(left, list(KEYS), "left").join(dropped, list(KEYS), "left")
    return flights.select(
        seconds("scheduled_departure").alias("start"), "published", "left", "dropped", "dep_delay", *by
    )


def departures(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Compute the departure board of each group: pending flights, delay so far, share late, known cancellations."""
    board = on_grid(_departing(knowledge, by), knowledge).filter(F.col("published") <= F.col("g"))
    is_gone = F.coalesce(F.col("left") <= F.col("g"), F.lit(False))
    is_dropped = F.coalesce(F.col("dropped") <= F.col("g"), F.lit(False))
    waiting = ~is_gone & ~is_dropped
    so_far = F.floor((F.col("g") - F.col("start")) / 60)
    delay = F.when(is_gone, F.col("dep_delay")).when(waiting, so_far)
    board = board.withColumn("waiting", waiting).withColumn("delay", delay)
    sums, columns = [], []
    for hours in WINDOWS:
        sums += [
            windowed(F.col("waiting").cast("int"), hours).alias(f"waiting_{hours}"),
            windowed(F.col("delay"), hours).alias(f"delay_{hours}"),
            windowed(F.col("delay").isNotNull().cast("int"), hours).alias(f"counted_{hours}"),
            windowed((F.col("delay") >= LATE_MINUTES).cast("int"), hours).alias(f"late_{hours}"),
        ]
        columns += [
            F.coalesce(F.col(f"waiting_{hours}"), F.lit(0)).alias(f"{prefix}_pending_{hours}h"),
            ratio(f"delay_{hours}", f"counted_{hours}").alias(f"{prefix}_delay_{hours}h"),
            ratio(f"late_{hours}", f"counted_{hours}").alias(f"{prefix}_late_{hours}h"),
        ]
    sums.append(windowed(is_dropped.cast("int"), max(WINDOWS)).alias("dropped"))
    columns.append(F.col("dropped").alias(f"{prefix}_cancelled_{max(WINDOWS)}h"))
    return board.groupBy(*by, "g").agg(*sums).select(*by, moment(), *columns)


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
