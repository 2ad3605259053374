"""How full the timetable is around the hour of a flight."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

HOUR = 3600


# The hours around a slot whose flights count: from this many before it to this many after it.
BEFORE, AFTER = 6, 1


def timetable_load(knowledge: Knowledge) -> DataFrame:
    """Count the flights scheduled at each origin in an hour (``slot``), around it and before it.

    There is a row for each full hour in which a flight of these hours became known, as long as a slot's flights have
    not left. It counts the flights known by then.
    """
    flights = knowledge.bronze["timetable"]
    if knowledge.since is not None:
        reach = (BEFORE + AFTER + 1) * HOUR
        flights = flights.filter(F.unix_timestamp("scheduled_departure") > int(knowledge.since.timestamp()) - reach)
    known = (F.ceil(F.unix_micros("known_at") / (1_000_000 * HOUR)) * HOUR).cast("long")
    hour = F.unix_timestamp(F.date_trunc("hour", "scheduled_departure"))
    hourly = flights.groupBy("origin", hour.alias("hour"), known.alias("known")).agg(F.count("flight").alias("n"))
    around = hourly.withColumn("later", F.explode(F.array(*map(F.lit, range(-AFTER, BEFORE + 1)))))
    around = around.withColumn("slot", F.col("hour") + F.col("later") * HOUR)
    news = around.groupBy("origin", "slot", "known").agg(
        _flights(F.col("later") == 0).alias("load_hour"),
        _flights(F.abs("later") <= 1).alias("load_3h"),
        _flights(F.col("later") >= 1).alias("load_6h_before"),
    )
    so_far = Window.partitionBy("origin", "slot").orderBy("known")
    rows = news.select(
        "origin",
        F.timestamp_seconds("slot").alias("slot"),
        F.timestamp_seconds("known").alias("feature_time"),
        *[F.sum(name).over(so_far).alias(name) for name in ("load_hour", "load_3h", "load_6h_before")],
    ).filter(F.col("load_hour").isNotNull() & (F.col("feature_time") <= F.col("slot") + F.lit(timedelta(hours=1))))
    rows = rows.filter(F.col("feature_time") <= F.lit(knowledge.until))
    return rows if knowledge.since is None else rows.filter(F.col("feature_time") > F.lit(knowledge.since))


def _flights(condition: Column) -> Column:
    return F.sum(F.when(condition, F.col("n")))


LOAD_FEATURES = (
    Feature("load_hour", "bigint", "flights", "departures planned at the origin in the hour of the flight"),
    Feature("load_3h", "bigint", "flights", "the same, with the hour before and the hour after"),
    Feature("load_6h_before", "bigint", "flights", "departures planned at the origin in the six hours before"),
)
