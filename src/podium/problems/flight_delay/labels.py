"""The label: whether a flight arrives at least 15 minutes late, is diverted or is cancelled."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.flights.columns import KEYS
from podium.domains.flights.outcomes import outcomes


def labels(bronze: Mapping[str, DataFrame]) -> DataFrame:
    """Return keys, ``label`` (1 is late) and ``label_available_at``, the time at which the outcome became known."""
    return outcomes(bronze, of_two="newest").select(
        *KEYS, F.col("late").alias("label"), F.col("known_at").alias("label_available_at")
    )
