"""The arrival board: flights that have landed."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .boards import WINDOWS, moment, on_grid, ratio, recent, seconds, seconds_up, windowed
from .columns import KEYS
from .outcomes import LATE_MINUTES

ARRIVAL_WINDOWS = (3, 6, 12)
# Upper bound from scheduled departure to landing: the longest delay that the contracts allow, plus a day in the air.
LONGEST_FLIGHT_HOURS = 72


def _landing(knowledge: Knowledge, by: Sequence[str]) -> DataFrame:
    """Every landed flight: ``start`` is its landing time, ``known`` the time from which all of this was known."""
    arrived, planned, gone = (
        recent(knowledge.bronze[name], knowledge, max(WINDOWS) + LONGEST_FLIGHT_HOURS)
        for name in ("arrival", "timetable", "departure")
    )
    landed = arrived.filter(F.col("landed_at").isNotNull()).select(*KEYS, "landed_at", "arr_delay", _known("landed"))
    flights = landed.join(planned.select(*KEYS, "dest", _known("published")), list(KEYS)).join(
        gone.select(*KEYS, "dep_delay", _known("left")), list(KEYS)
    )
    known = F.greatest("landed", "published", "left").alias("known")
    return flights.select(seconds("landed_at").alias("start"), known, "arr_delay", "dep_delay", *by)


def _known(name: str) -> Column:
    return seconds_up("known_at").alias(name)


def arrivals(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Compute, over each group's recent landings: the mean delay, minutes made up in the air, and the share late."""
    board = on_grid(_landing(knowledge, by), knowledge).filter(F.col("known") <= F.col("g"))
    sums, columns = [], []
    for hours in ARRIVAL_WINDOWS:
        sums += [
            windowed(F.col("arr_delay").isNotNull().cast("int"), hours).alias(f"landed_{hours}"),
            windowed(F.col("arr_delay"), hours).alias(f"delay_{hours}"),
            windowed(F.col("dep_delay") - F.col("arr_delay"), hours).alias(f"gain_{hours}"),
            windowed((F.col("arr_delay") >= LATE_MINUTES).cast("int"), hours).alias(f"late_{hours}"),
        ]
        columns += [
            ratio(f"delay_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_delay_{hours}h"),
            ratio(f"gain_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_gain_{hours}h"),
            ratio(f"late_{hours}", f"landed_{hours}").alias(f"{prefix}_arr_late_{hours}h"),
        ]
    return board.groupBy(*by, "g").agg(*sums).select(*by, moment(), *columns)


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
