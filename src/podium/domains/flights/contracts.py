"""Data contracts: one pandera model for each event, with a domain for every source column.

The checks run on columns already converted from text to numbers and times; a failed conversion is reported earlier.
Ranges are wide, because they should catch impossible values, not rare ones.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import pandas as pd
import pandera.pandas as pa
from pandera import extensions
from pandera.typing import Series

from .columns import NEW_YORK

Check = TypeVar("Check", bound=Callable)
ORIGINS = ["EWR", "JFK", "LGA"]


def _registered(*parameters: str) -> Callable[[Check], Check]:
    """Register a function as a pandera check, in place of the old one if %reload_kedro imports this module again."""

    def register(check: Check) -> Check:
        pa.Check.REGISTERED_CUSTOM_CHECKS.pop(check.__name__, None)
        return extensions.register_check_method(statistics=list(parameters))(check)

    return register


@_registered("pattern")
def looks_like(values: pd.Series, *, pattern: str) -> pd.Series:
    """Whether texts match a regular expression. Each distinct text is matched only once, because codes repeat."""
    return values.isin([text for text in values.dropna().unique() if re.match(pattern, text)])


@_registered("low", "high")
def whole_number(values: pd.Series, *, low: int, high: int) -> pd.Series:
    """Whether numbers are whole and in [low, high]. Without this check, bronze would silently truncate fractions."""
    return values.between(low, high) & (values % 1 == 0)


def is_clock(values: pd.Series) -> pd.Series:
    """Whether ``hhmm`` is a time of day. The source writes midnight at the end of a day as 2400."""
    return values.between(0, 2400) & (values % 100 < 60) & (values % 1 == 0)


def minute_of_day(clock: pd.Series) -> pd.Series:
    """Convert ``hhmm`` to minutes since midnight."""
    return clock // 100 * 60 + clock % 100


# Dataframe checks set error, not name, because pandera drops the name of an inherited check after its first use.
class Hour(pa.DataFrameModel):
    """An hour at an origin. Flights and weather have it twice: in New York time and in UTC."""

    year: Series[float] = pa.Field(whole_number={"low": 1987, "high": 2100})
    month: Series[float] = pa.Field(whole_number={"low": 1, "high": 12})
    day: Series[float] = pa.Field(whole_number={"low": 1, "high": 31})
    hour: Series[float] = pa.Field(whole_number={"low": 0, "high": 23})
    time_hour: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ns", "tz": "UTC"})
    origin: Series[str] = pa.Field(isin=ORIGINS)

    @pa.dataframe_check(error="time_hour is year-month-day hour in New York")
    def time_hour_agrees(cls, df: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The hour in UTC and the hour in New York time must be the same."""
        local = df["time_hour"].dt.tz_convert(NEW_YORK)
        return (
            (local.dt.year == df["year"])
            & (local.dt.month == df["month"])
            & (local.dt.day == df["day"])
            & (local.dt.hour == df["hour"])
            & (local.dt.minute + local.dt.second == 0)
        )


class Flight(Hour):
    """The columns that identify a flight; every event of a flight carries them."""

    minute: Series[float] = pa.Field(whole_number={"low": 0, "high": 59})
    carrier: Series[str] = pa.Field(looks_like=r"^[A-Z0-9]{2}$")
    flight: Series[float] = pa.Field(whole_number={"low": 1, "high": 9999})


class Timetable(Flight):
    """A scheduled flight."""

    sched_dep_time: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 2400})
    sched_arr_time: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 2400})
    dest: Series[str] = pa.Field(looks_like=r"^[A-Z]{3}$")
    distance: Series[float] = pa.Field(whole_number={"low": 1, "high": 10_000})

    @pa.dataframe_check(error="sched_dep_time is hour and minute")
    def departure_agrees(cls, df: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The source also has the scheduled departure twice; both must agree."""
        return df["sched_dep_time"] % 2400 == df["hour"] * 100 + df["minute"]

    @pa.check("sched_arr_time", error="is a time of day")
    def arrival_is_clock(cls, values: Series[float]) -> pd.Series:  # noqa: N805
        """The planned arrival is a time of day."""
        return is_clock(values)


class Departure(Flight):
    """A flight that left, with the aircraft that flew it."""

    dep_time: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 2400})
    dep_delay: Series[float] = pa.Field(whole_number={"low": -120, "high": 2880})
    tailnum: Series[str] = pa.Field(looks_like=r"^[A-Z0-9-]{2,7}$", nullable=True)

    @pa.dataframe_check(error="dep_time is the planned time plus dep_delay")
    def delay_agrees(cls, df: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The departure time must equal the scheduled time plus the delay."""
        minutes = pd.to_timedelta(df["minute"] + df["dep_delay"], unit="min")
        local = (df["time_hour"] + minutes).dt.tz_convert(NEW_YORK)
        return local.dt.hour * 100 + local.dt.minute == df["dep_time"] % 2400


class Arrival(Flight):
    """A flight that landed on time, late, or (without ``arr_delay``) at another airport."""

    dest: Series[str] = pa.Field(looks_like=r"^[A-Z]{3}$")
    sched_arr_time: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 2400})
    dep_delay: Series[float] = pa.Field(whole_number={"low": -120, "high": 2880})
    arr_time: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 2400}, nullable=True)
    arr_delay: Series[float] = pa.Field(whole_number={"low": -300, "high": 2880}, nullable=True)
    air_time: Series[float] = pa.Field(whole_number={"low": 5, "high": 1440}, nullable=True)

    @pa.check("sched_arr_time", "arr_time", error="is a time of day")
    def arrival_is_clock(cls, values: Series[float]) -> pd.Series:  # noqa: N805
        """The scheduled and the actual arrival, unless missing, must be times of day."""
        return values.isna() | is_clock(values)

    @pa.dataframe_check(error="arr_time is the planned time plus arr_delay")
    def delay_agrees(cls, df: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The arrival time must equal the scheduled time plus the delay, give or take an hour for a clock change."""
        gap = (minute_of_day(df["sched_arr_time"]) + df["arr_delay"] - minute_of_day(df["arr_time"])) % 1440
        return df["arr_delay"].isna() | gap.isin([0, 60, 1380])


class Cancellation(Flight):
    """A flight that never left."""

    dep_delay: Series[float] = pa.Field(nullable=True)
    arr_time: Series[float] = pa.Field(nullable=True)

    @pa.dataframe_check(error="a flight without dep_time has no other actual time")
    def never_flew(cls, df: pd.DataFrame) -> pd.Series:  # noqa: N805
        """Without a departure, there must be no delay and no arrival."""
        return df["dep_delay"].isna() & df["arr_time"].isna()


class Weather(Hour):
    """One hourly observation at an origin: Fahrenheit, miles, miles per hour, inches, millibars, degrees."""

    temp: Series[float] = pa.Field(in_range={"min_value": -80, "max_value": 135}, nullable=True)
    dewp: Series[float] = pa.Field(in_range={"min_value": -80, "max_value": 100}, nullable=True)
    humid: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 100}, nullable=True)
    wind_dir: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 360}, nullable=True)
    wind_speed: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 150}, nullable=True)
    wind_gust: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 200}, nullable=True)
    precip: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 15}, nullable=True)
    pressure: Series[float] = pa.Field(in_range={"min_value": 850, "max_value": 1100}, nullable=True)
    visib: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 100}, nullable=True)


class Airport(pa.DataFrameModel):
    """An airport and its time zone."""

    faa: Series[str] = pa.Field(looks_like=r"^[A-Z0-9]{3}$")
    name: Series[str]
    lat: Series[float] = pa.Field(in_range={"min_value": -90, "max_value": 90})
    lon: Series[float] = pa.Field(in_range={"min_value": -180, "max_value": 180})
    alt: Series[float] = pa.Field(in_range={"min_value": -1500, "max_value": 20_000})
    tz: Series[float] = pa.Field(in_range={"min_value": -12, "max_value": 14})
    dst: Series[str] = pa.Field(isin=["A", "U", "N"])
    tzone: Series[str] = pa.Field(looks_like=r"^[A-Za-z_]+/[A-Za-z_/]+$", nullable=True)


class Plane(pa.DataFrameModel):
    """An aircraft. Which flight it flies is knowable only from the departure."""

    tailnum: Series[str] = pa.Field(looks_like=r"^[A-Z0-9-]{2,7}$")
    year: Series[float] = pa.Field(whole_number={"low": 1903, "high": 2100}, nullable=True)
    type: Series[str]
    manufacturer: Series[str]
    model: Series[str]
    engines: Series[float] = pa.Field(whole_number={"low": 1, "high": 8})
    seats: Series[float] = pa.Field(whole_number={"low": 1, "high": 900})
    speed: Series[float] = pa.Field(in_range={"min_value": 1, "max_value": 800}, nullable=True)
    engine: Series[str]


class Airline(pa.DataFrameModel):
    """A carrier."""

    carrier: Series[str] = pa.Field(looks_like=r"^[A-Z0-9]{2}$")
    name: Series[str]
