"""The weather at the origin, and how it has changed."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .columns import WEATHER_VALUES

HOUR = 3600
CHANGE_HOURS = 3
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
    """Compute each observation at an origin and its change since three hours before.

    A change is a difference of two observations, because the difference of two doubles, unlike a sum of many, is the
    same on every engine. Precipitation is summed as whole hundredths of an inch, the unit in which it is measured.
    """
    observed = knowledge.bronze["weather"]
    if knowledge.since is not None:
        observed = observed.filter(F.unix_timestamp("known_at") > int(knowledge.since.timestamp()) - 12 * HOUR)
    observed = observed.withColumn("t", F.unix_timestamp("observed_at"))
    past = Window.partitionBy("origin").orderBy("t")
    before = past.rangeBetween(-CHANGE_HOURS * HOUR, -CHANGE_HOURS * HOUR)
    wet = F.sum(F.round(F.col("precip") * 100).cast("long"))
    rows = observed.select(
        "origin",
        F.col("known_at").alias("feature_time"),
        *[F.col(name).alias(f"weather_{name}") for name in WEATHER_VALUES],
        *[
            (F.col(name) - F.max(name).over(before)).alias(f"weather_{name}_change_{CHANGE_HOURS}h")
            for name in CHANGING
        ],
        wet.over(past.rangeBetween(-5 * HOUR, 0)).alias("weather_precip_6h"),
    )
    return rows if knowledge.since is None else rows.filter(F.col("feature_time") > F.lit(knowledge.since))


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
