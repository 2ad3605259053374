"""The request: a scheduled flight, two hours before its departure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.flights.columns import KEYS, NEW_YORK
from podium.problems.base import Feature, RequestFeatures

HORIZON = timedelta(hours=2)


def requests(bronze: Mapping[str, DataFrame]) -> DataFrame:
    """Return one row for each scheduled flight: keys, request inputs, entity columns, ``prediction_time``.

    A flight that becomes known later than two hours ahead is asked about as soon as it is known; one that becomes known
    only after its departure is not.
    """
    asked = F.greatest(F.col("scheduled_departure") - F.lit(HORIZON), F.col("known_at"))
    planned = bronze["timetable"].filter(F.col("known_at") < F.col("scheduled_departure"))
    return planned.select(
        *KEYS,
        "dest",
        "scheduled_arrival",
        "distance",
        F.date_trunc("hour", "scheduled_departure").alias("slot"),
        F.hour(F.from_utc_timestamp("scheduled_departure", NEW_YORK)).alias("local_hour"),
        asked.alias("prediction_time"),
    )


@lru_cache(maxsize=64)
def _holidays(year: int) -> np.ndarray:
    """US federal holidays of the given year, the one before it and the one after it, as days since 1970-01-01."""
    days = USFederalHolidayCalendar().holidays(datetime(year - 1, 1, 1), datetime(year + 1, 12, 31))
    return np.sort(days.to_numpy().astype("datetime64[D]").astype("int64"))


def _days_to_holiday(day: np.ndarray) -> np.ndarray:
    """Days from each day (since 1970) to the nearest holiday, before or after."""
    if not len(day):
        return day.astype("float64")
    years = day.astype("datetime64[D]").astype("datetime64[Y]").astype("int64") + 1970
    known = np.unique(np.concatenate([_holidays(int(year)) for year in np.unique(years)]))
    after = np.clip(np.searchsorted(known, day), 1, len(known) - 1)
    return np.minimum(np.abs(known[after] - day), np.abs(day - known[after - 1])).astype("float64")


def compute(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Compute the request features from columns of equal length: times as ``datetime64`` in UTC, distance in miles."""
    departure = pd.DatetimeIndex(columns["scheduled_departure"], tz="UTC")
    arrival = pd.DatetimeIndex(columns["scheduled_arrival"], tz="UTC")
    local = departure.tz_convert(NEW_YORK)
    day = local.tz_localize(None).to_numpy().astype("datetime64[D]").astype("int64")
    return {
        "minute_of_day": (local.hour * 60 + local.minute).to_numpy("float64"),
        "day_of_week": local.dayofweek.to_numpy("float64"),
        "days_to_holiday": _days_to_holiday(day),
        "duration_minutes": ((arrival - departure) / pd.Timedelta(minutes=1)).to_numpy("float64"),
        "distance_miles": np.asarray(columns["distance"], dtype="float64"),
    }


REQUEST = RequestFeatures(
    inputs={
        "scheduled_departure": "timestamp",
        "scheduled_arrival": "timestamp",
        "distance": "int",
    },
    features=(
        Feature("minute_of_day", "double", "minutes", "planned departure, New York clock"),
        Feature("day_of_week", "double", "days", "0 is Monday, New York calendar"),
        Feature("days_to_holiday", "double", "days", "to the nearest US federal holiday, before or after"),
        Feature("duration_minutes", "double", "minutes", "planned, gate to gate"),
        Feature("distance_miles", "double", "miles", "from origin to destination"),
    ),
    compute=compute,
)
