"""An independent reading of the source files with pandas and zoneinfo, without the engine or the project's code."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

UTC = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
PUERTO_RICO = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), ZoneInfo("America/Puerto_Rico"))
KEYS = ["carrier", "flight", "origin", "scheduled_departure"]


def numbers(column: pd.Series) -> pd.Series:
    """Parse text as numbers, with NaN for text that is not a number."""
    return pd.to_numeric(column, errors="coerce")


def zones(airports: pd.DataFrame) -> dict[str, ZoneInfo]:
    """The time zone of each airport that has one."""
    named = airports[airports["tzone"].str.contains("/")]
    return {row.faa: ZoneInfo(row.tzone) for row in named.itertuples()} | PUERTO_RICO


def planned_departure(flights: pd.DataFrame) -> pd.Series:
    """Planned departures in UTC, from the local date and clock. The project uses ``time_hour`` instead."""
    local = [
        datetime(*map(int, row), tzinfo=NEW_YORK)
        for row in flights[["year", "month", "day", "hour", "minute"]].itertuples(index=False)
    ]
    return pd.Series([moment.astimezone(UTC) for moment in local], index=flights.index).astype("datetime64[us, UTC]")


def next_clock(after: datetime, clock: int, zone: ZoneInfo) -> datetime:
    """The first moment after ``after`` (in UTC) at which clocks in ``zone`` show ``clock`` (hhmm)."""
    local = after.astimezone(zone)
    for days in (0, 1, 2):
        day = (local + timedelta(days=days)).date()
        shown = datetime(day.year, day.month, day.day, clock // 100 % 24, clock % 100, tzinfo=zone)
        if shown.replace(tzinfo=None) > local.replace(tzinfo=None):
            return shown.astimezone(UTC)
    raise AssertionError(f"no {clock} after {after} in {zone}")


def outcomes(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Each flight with its keys, outcome (UTC), ``late``, and when the outcome was known, by the README's rules."""
    where = zones(airports)
    out = flights[["carrier", "origin", "dest"]].assign(flight=flights["flight"].astype(int))
    out["scheduled_departure"] = planned_departure(flights)
    for name in ("dep_delay", "arr_delay"):
        out[name] = numbers(flights[name])
    out["departed_at"] = out["scheduled_departure"] + pd.to_timedelta(out["dep_delay"], unit="min")
    clocks = flights["sched_arr_time"].astype(int)
    out["scheduled_arrival"] = [
        next_clock(after, clock, where[dest])
        for after, clock, dest in zip(out["scheduled_departure"], clocks, out["dest"], strict=True)
    ]
    out["landed_at"] = out["scheduled_arrival"] + pd.to_timedelta(out["arr_delay"], unit="min")
    landed = numbers(flights["arr_time"])
    for index in out.index[landed.notna() & out["arr_delay"].isna()]:
        arrived = next_clock(out["departed_at"][index], int(landed[index]), where[out["dest"][index]])
        out.loc[index, "landed_at"] = pd.Timestamp(arrived)
    out["late"] = (out["arr_delay"] >= 15) | out["arr_delay"].isna()
    out["known_at"] = out["landed_at"].fillna(out["scheduled_arrival"] + pd.Timedelta(hours=12))
    cancelled = out["dep_delay"].isna()
    out.loc[cancelled, "known_at"] = out["scheduled_departure"] + pd.Timedelta(hours=6)
    return out
