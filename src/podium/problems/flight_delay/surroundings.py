"""What surrounds a flight: the weather at its origin, and how full the timetable is around it."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.problems.base import Knowledge

from .sources import WEATHER_VALUES

HOUR = 3600
CHANGE_HOURS = 3
CHANGING = ("temp", "wind_speed", "pressure", "visib", "humid")


def weather(knowledge: Knowledge) -> DataFrame:
    """The newest observation at each origin, and how it differs from three hours before.

    Changes are differences of two observations, not sums over a window: a difference of two doubles is the same on
    every engine. Rain is summed in hundredths of an inch, the unit in which it is measured, as whole numbers.
    """
    observed = knowledge.bronze["weather"].filter(F.col("available_at") <= F.lit(knowledge.until))
    if knowledge.since is not None:
        observed = observed.filter(F.unix_timestamp("available_at") > int(knowledge.since.timestamp()) - 12 * HOUR)
    observed = observed.withColumn("t", F.unix_timestamp("observed_at"))
    past = Window.partitionBy("origin").orderBy("t")
    before = past.rangeBetween(-CHANGE_HOURS * HOUR, -CHANGE_HOURS * HOUR)
    wet = F.sum(F.round(F.col("precip") * 100).cast("long"))
    rows = observed.select(
        "origin",
        F.col("available_at").alias("feature_time"),
        *[F.col(name).alias(f"weather_{name}") for name in WEATHER_VALUES],
        *[
            (F.col(name) - F.max(name).over(before)).alias(f"weather_{name}_change_{CHANGE_HOURS}h")
            for name in CHANGING
        ],
        wet.over(past.rangeBetween(-5 * HOUR, 0)).alias("weather_precip_6h"),
    )
    return rows if knowledge.since is None else rows.filter(F.col("feature_time") > F.lit(knowledge.since))


PUBLISHED_DAYS = 60


def timetable_load(knowledge: Knowledge) -> DataFrame:
    """Flights planned at each origin in an hour, in the hours around it and on its day.

    ``feature_time`` is when the whole stretch that is counted had been published, weeks before any of its flights.
    """
    planned = knowledge.bronze["timetable"].filter(F.col("available_at") <= F.lit(knowledge.until))
    hourly = planned.withColumn("slot", F.date_trunc("hour", "scheduled_departure"))
    hourly = hourly.groupBy("origin", "slot").agg(
        F.count("flight").alias("n"), F.sum("distance").alias("miles"), F.max("available_at").alias("published")
    )
    t = F.unix_timestamp("slot")
    ordered = Window.partitionBy("origin").orderBy(t)
    around = ordered.rangeBetween(-HOUR, HOUR)
    rows = hourly.select(
        "origin",
        "slot",
        F.max("published").over(around).alias("feature_time"),
        F.col("n").alias("load_hour"),
        F.sum("n").over(around).alias("load_3h"),
        F.sum("n").over(ordered.rangeBetween(-6 * HOUR, -HOUR)).alias("load_6h_before"),
    )
    return rows
