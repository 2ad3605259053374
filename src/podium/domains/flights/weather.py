"""The weather at the origin, and how it has changed."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .columns import WEATHER_VALUES

HOUR = 3600
CHANGE_HOURS = 3
WET_HOURS = 6
# Observations older than this are ignored.
OLDEST_HOURS = 24
UNITS = {
    "degrees Fahrenheit": ("temp", "dewp"),
    "percent": ("humid",),
    "degrees": ("wind_dir",),
    "miles per hour": ("wind_speed", "wind_gust"),
    "inch": ("precip",),
    "millibar": ("pressure",),
    "miles": ("visib",),
}
CHANGING = ("temp", "wind_speed", "pressure", "visib", "humid")


def weather(knowledge: Knowledge) -> DataFrame:
    """Compute the newest observation at an origin and its change since three hours before.

    There is a row for each minute in which an observation became known. If observations come in late or in another
    order, the row describes the newest one that was known then.

    A change is a difference of two observations, because the difference of two doubles, unlike a sum of many, is the
    same on every engine. Precipitation is summed as whole hundredths of an inch, the unit in which it is measured.
    """
    minute = (F.ceil(F.unix_micros("known_at") / 60_000_000) * 60).cast("long")
    observed = knowledge.bronze["weather"].withColumn("known_at", F.timestamp_seconds(minute))
    observed = observed.withColumn("t", F.unix_timestamp("observed_at"))
    observed = observed.filter(F.col("known_at") <= F.lit(knowledge.until))
    if knowledge.since is not None:
        reach = (OLDEST_HOURS + WET_HOURS) * HOUR
        observed = observed.filter(F.col("t") > int(knowledge.since.timestamp()) - reach)
    asked = _newest(observed, knowledge).withColumn("back", F.explode(F.array(*map(F.lit, range(WET_HOURS)))))
    asked = asked.withColumn("t", F.col("newest") - F.col("back") * HOUR)
    past = observed.select("origin", "t", F.col("known_at").alias("known"), *WEATHER_VALUES)
    found = asked.join(past, ["origin", "t"]).filter(F.col("known") <= F.col("feature_time"))
    wet = F.sum(F.round(F.col("precip") * 100).cast("long"))
    return found.groupBy("origin", "feature_time").agg(
        *[_before(name, 0).alias(f"weather_{name}") for name in WEATHER_VALUES],
        *[
            (_before(name, 0) - _before(name, CHANGE_HOURS)).alias(f"weather_{name}_change_{CHANGE_HOURS}h")
            for name in CHANGING
        ],
        wet.alias("weather_precip_6h"),
    )


def _newest(observed: DataFrame, knowledge: Knowledge) -> DataFrame:
    """For each ``feature_time`` of an origin, the time (seconds) of the newest observation that was known then."""
    so_far = Window.partitionBy("origin").orderBy("known_at")
    moments = observed.select(
        "origin", F.col("known_at").alias("feature_time"), F.max("t").over(so_far).alias("newest")
    ).distinct()
    recent = moments.filter(F.col("newest") > F.unix_timestamp("feature_time") - OLDEST_HOURS * HOUR)
    return recent if knowledge.since is None else recent.filter(F.col("feature_time") > F.lit(knowledge.since))


def _before(name: str, hours: int) -> Column:
    """The value that was observed some hours before the newest observation."""
    return F.max(F.when(F.col("back") == hours, F.col(name)))


def _unit(name: str) -> str:
    return next(unit for unit, names in UNITS.items() if name in names)


WEATHER_FEATURES = (
    *(Feature(f"weather_{name}", "double", _unit(name), f"newest observation of {name}") for name in WEATHER_VALUES),
    *(
        Feature(f"weather_{name}_change_{CHANGE_HOURS}h", "double", _unit(name), f"change of {name}, {CHANGE_HOURS} h")
        for name in CHANGING
    ),
    Feature("weather_precip_6h", "bigint", "0.01 inch", "precipitation of the last six hourly observations"),
)
