"""Helpers of the pictures: counts and rates of late flights, and percent formats."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.flights.columns import KEYS
from podium.domains.flights.outcomes import outcomes

NEW_YORK = "America/New_York"
# With fewer flights, two standard errors of a late rate are about 10 percentage points or more.
ENOUGH = 80


def local_departure() -> Column:
    """The scheduled departure in New York time."""
    return F.from_utc_timestamp("scheduled_departure", NEW_YORK)


def known_flights(frames: Mapping[str, DataFrame]) -> DataFrame:
    """Flights whose outcome is known, with their destination: keys, dest, arr_delay, late."""
    return outcomes(frames, of_two="newest").join(frames["timetable"].select(*KEYS, "dest"), list(KEYS))


def late_by(flights: DataFrame, *by: Column | str) -> DataFrame:
    """Count, for each group, all ``flights`` and the ``late`` ones (late or never arrived)."""
    return flights.groupBy(*by).agg(F.count("late").alias("flights"), F.sum("late").alias("late"))


def rate(rows: pd.DataFrame) -> pd.Series:
    """The share of late flights in each row."""
    return rows["late"] / rows["flights"]


def overall(rows: pd.DataFrame) -> float:
    """The share of late flights in all rows together."""
    return float(rows["late"].sum() / rows["flights"].sum())


def extremes(rows: pd.DataFrame) -> list[tuple[Any, str]]:
    """Find the rows with the lowest and the highest late rate; return the index label and the rate of each.

    Rows with fewer than ``ENOUGH`` flights are left out, unless all rows have fewer.
    """
    many = rate(rows[rows["flights"] >= min(ENOUGH, rows["flights"].max())])
    return [(label, percent(float(many.loc[label]))) for label in (many.idxmin(), many.idxmax())]


def percent(share: float) -> str:
    """Format a share in whole percent."""
    return f"{share:.0%}"


def in_percent(axis: Any) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")
