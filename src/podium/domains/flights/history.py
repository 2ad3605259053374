"""Trailing history: how often, and by how much, flights of a group were late in the previous weeks."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Feature, Knowledge

from .columns import KEYS
from .outcomes import outcomes

DAY = 86_400
# No longer windows: with one year of data, a quarter would be only partly filled in the first months, which misleads.
WINDOWS = (7, 28)
LONGEST = max(WINDOWS)
# Smoothing for groups with few flights: their rate is computed with this many extra flights at the overall rate.
PSEUDO_FLIGHTS = 20
# An outcome that becomes known longer after the flight than this many days no longer counts.
LATEST = 10
OVERALL_LATE = 0.22


def late_rates(knowledge: Knowledge, by: Sequence[str], prefix: str) -> DataFrame:
    """Compute each group's late rate over trailing days, at each midnight (UTC) after a day with a new outcome."""
    flights = _ended(knowledge).withColumn(
        "local_hour", F.hour(F.from_utc_timestamp("scheduled_departure", "America/New_York"))
    )
    daily = flights.groupBy(*by, "midnight").agg(
        F.count("late").alias("n"),
        F.sum(F.col("late").cast("long")).alias("late"),
        F.sum(F.greatest(F.coalesce("arr_delay", F.lit(0)), F.lit(0)).cast("long")).alias("minutes"),
    )
    trailing = {
        days: Window.partitionBy(*by).orderBy("midnight").rangeBetween(-(days - 1) * DAY, 0) for days in WINDOWS
    }
    columns = []
    for days, window in trailing.items():
        n, late = F.sum("n").over(window), F.sum("late").over(window)
        rate = (late + F.lit(PSEUDO_FLIGHTS * OVERALL_LATE)) / (n + PSEUDO_FLIGHTS)
        columns += [rate.alias(f"{prefix}_late_rate_{days}d")]
    longest = trailing[LONGEST]
    columns += [
        F.sum("n").over(longest).alias(f"{prefix}_flights_{LONGEST}d"),
        (F.sum("minutes").over(longest) / F.sum("n").over(longest)).alias(f"{prefix}_arr_delay_{LONGEST}d"),
    ]
    rows = daily.select(*by, F.timestamp_seconds("midnight").alias("feature_time"), *columns)
    return rows if knowledge.since is None else rows.filter(F.col("feature_time") > F.lit(knowledge.since))


def _ended(knowledge: Knowledge) -> DataFrame:
    """Flights with an outcome, with their destination and the ``midnight`` (seconds) from which all of it counts."""
    planned = knowledge.bronze["timetable"].select(*KEYS, "dest", F.col("known_at").alias("published"))
    outcome = outcomes(knowledge.bronze, of_two="first")
    since = None if knowledge.since is None else int(knowledge.since.timestamp()) - LONGEST * DAY
    if since is not None:
        oldest = F.unix_timestamp("scheduled_departure") > since - LATEST * DAY
        planned, outcome = planned.filter(oldest), outcome.filter(oldest)
    known = F.unix_micros(F.greatest("known_at", "published"))
    flights = outcome.join(planned, list(KEYS)).withColumn(
        "midnight", (F.ceil(known / (1_000_000 * DAY)) * DAY).cast("long")
    )
    until = int(knowledge.until.timestamp()) // DAY * DAY
    in_time = F.col("midnight") <= F.unix_timestamp("scheduled_departure") + LATEST * DAY
    flights = flights.filter((F.col("midnight") <= until) & in_time)
    return flights if since is None else flights.filter(F.col("midnight") > since)


def history_features(prefix: str, whose: str) -> tuple[Feature, ...]:
    """The features that ``late_rates`` computes."""
    rates = [
        Feature(f"{prefix}_late_rate_{days}d", "double", "share", f"flights {whose}: late in the last {days} days")
        for days in WINDOWS
    ]
    return (
        *rates,
        Feature(f"{prefix}_flights_{LONGEST}d", "bigint", "flights", f"flights {whose}: ended in {LONGEST} days"),
        Feature(
            f"{prefix}_arr_delay_{LONGEST}d", "double", "minutes", f"flights {whose}: mean lateness, {LONGEST} days"
        ),
    )
