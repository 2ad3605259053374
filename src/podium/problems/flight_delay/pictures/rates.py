"""What the pictures share: counts of late flights, and words for shares."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.problems.flight_delay.labels import outcomes
from podium.problems.flight_delay.sources import KEYS

NEW_YORK = "America/New_York"
# Below so many flights a late rate says little: two standard errors are more than 10 points.
ENOUGH = 80


def local_departure() -> Column:
    """The scheduled departure on a clock in New York."""
    return F.from_utc_timestamp("scheduled_departure", NEW_YORK)


def known_flights(frames: Mapping[str, DataFrame]) -> DataFrame:
    """Flights whose outcome is known, with their destination: keys, dest, arr_delay, label."""
    return outcomes(frames).join(frames["timetable"].select(*KEYS, "dest"), list(KEYS))


def late_by(flights: DataFrame, *by: Column | str) -> DataFrame:
    """For each group: ``flights``, and how many were ``late`` (late or never arrived)."""
    return flights.groupBy(*by).agg(F.count("label").alias("flights"), F.sum("label").alias("late"))


def rate(rows: pd.DataFrame) -> pd.Series:
    """The share of late flights in each row."""
    return rows["late"] / rows["flights"]


def overall(rows: pd.DataFrame) -> float:
    """The share of late flights in all rows together."""
    return float(rows["late"].sum() / rows["flights"].sum())


def extremes(rows: pd.DataFrame) -> list[tuple[Any, str]]:
    """The index label and the late rate, in percent, of the row with the lowest and of the one with the highest rate.

    Rows with few flights do not count, unless all are such.
    """
    many = rate(rows[rows["flights"] >= min(ENOUGH, rows["flights"].max())])
    return [(label, percent(float(many.loc[label]))) for label in (many.idxmin(), many.idxmax())]


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{share:.0%}"


def in_percent(axis: Any) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")
