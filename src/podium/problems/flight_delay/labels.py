"""The label: whether a flight arrives at least 15 minutes late, is diverted or is cancelled."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .sources import KEYS

LATE_MINUTES = 15


def outcomes(bronze: Mapping[str, DataFrame]) -> DataFrame:
    """Flights with a known outcome: keys, ``arr_delay`` (minutes, null if diverted or cancelled), label."""
    arrived = bronze["arrival"].select(*KEYS, "arr_delay", "available_at")
    cancelled = bronze["cancellation"].select(*KEYS, F.lit(None).cast("int").alias("arr_delay"), "available_at")
    late = F.coalesce(F.col("arr_delay") >= LATE_MINUTES, F.lit(True)).cast("int")
    return arrived.unionByName(cancelled).select(
        *KEYS, "arr_delay", late.alias("label"), F.col("available_at").alias("label_available_at")
    )


def labels(bronze: Mapping[str, DataFrame]) -> DataFrame:
    """Return keys, ``label`` (1 is late) and ``label_available_at``, the time at which the outcome became knowable."""
    return outcomes(bronze).drop("arr_delay")
