"""How full the timetable is around the hour of a flight."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

HOUR = 3600


def timetable_load(knowledge: Knowledge) -> DataFrame:
    """Count the flights scheduled at each origin in an hour (``slot``), around it and before it.

    ``feature_time`` is the time by which all hours counted were published, weeks before their flights. A slot whose
    neighbours are not yet published has no row.
    """
    end = F.unix_timestamp("slot") + 2 * HOUR
    lag = F.unix_timestamp("known_at") - F.unix_timestamp("scheduled_departure")
    hourly = (
        knowledge.bronze["timetable"]
        .withColumn("slot", F.date_trunc("hour", "scheduled_departure"))
        .withColumn("published", end + lag)
        .groupBy("origin", "slot")
        .agg(F.count("flight").alias("n"), F.max("published").alias("published"))
    )
    ordered = Window.partitionBy("origin").orderBy(F.unix_timestamp("slot"))
    rows = hourly.select(
        "origin",
        "slot",
        F.timestamp_seconds("published").alias("feature_time"),
        F.col("n").alias("load_hour"),
        F.sum("n").over(ordered.rangeBetween(-HOUR, HOUR)).alias("load_3h"),
        F.sum("n").over(ordered.rangeBetween(-6 * HOUR, -HOUR)).alias("load_6h_before"),
    ).filter(F.col("feature_time") <= F.lit(knowledge.until))
    return rows if knowledge.since is None else rows.filter(F.col("feature_time") > F.lit(knowledge.since))


LOAD_FEATURES = (
    Feature("load_hour", "bigint", "flights", "departures planned at the origin in the hour of the flight"),
    Feature("load_3h", "bigint", "flights", "the same, with the hour before and the hour after"),
    Feature("load_6h_before", "bigint", "flights", "departures planned at the origin in the six hours before"),
)
