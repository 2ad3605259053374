"""The outcome of each flight: whether it arrived, how late, and when that became knowable."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .columns import KEYS

LATE_MINUTES = 15


def outcomes(bronze: Mapping[str, DataFrame]) -> DataFrame:
    """Flights with a known outcome: keys, ``arr_delay`` (minutes, null if diverted or cancelled), ``known_at``.

    ``late`` is 1 if the flight arrived at least 15 minutes late or not at all, otherwise 0.
    """
    arrived = bronze["arrival"].select(*KEYS, "arr_delay", "known_at")
    cancelled = bronze["cancellation"].select(*KEYS, F.lit(None).cast("int").alias("arr_delay"), "known_at")
    late = F.coalesce(F.col("arr_delay") >= LATE_MINUTES, F.lit(True)).cast("int")
    return arrived.unionByName(cancelled).select(*KEYS, "arr_delay", late.alias("late"), "known_at")
