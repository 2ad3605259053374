"""The outcome of each flight: whether it arrived, how late, and when that became knowable."""

from collections.abc import Mapping
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .columns import KEYS

LATE_MINUTES = 15


def outcomes(bronze: Mapping[str, DataFrame], *, of_two: Literal["first", "newest"]) -> DataFrame:
    """Flights with a known outcome: keys, ``arr_delay`` (minutes, null if diverted or cancelled), ``known_at``.

    ``late`` is 1 if the flight arrived at least 15 minutes late or not at all, otherwise 0. A flight that was reported
    as cancelled and as arrived has the outcome that was known first, or that known last.
    """
    arrived = bronze["arrival"].select(*KEYS, "arr_delay", "known_at")
    cancelled = bronze["cancellation"].select(*KEYS, F.lit(None).cast("int").alias("arr_delay"), "known_at")
    both = _without(arrived, cancelled, of_two).unionByName(_without(cancelled, arrived, of_two))
    late = F.coalesce(F.col("arr_delay") >= LATE_MINUTES, F.lit(True)).cast("int")
    return both.select(*KEYS, "arr_delay", late.alias("late"), "known_at")


def _without(reports: DataFrame, others: DataFrame, of_two: str) -> DataFrame:
    """Leave out the reports that another report about the same flight outdoes."""
    other = others.select(*KEYS, F.col("known_at").alias("other"))
    outdone = F.col("other") < F.col("known_at") if of_two == "first" else F.col("other") > F.col("known_at")
    return reports.join(other, list(KEYS), "left").filter(~F.coalesce(outdone, F.lit(False))).drop("other")
