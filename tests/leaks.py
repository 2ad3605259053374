"""Leak checks: change the source files after a cut, and compare tables bit by bit up to the cut.

Run a computation on the source and on ``another_future`` of it, then call ``assert_same_past`` on the two results.
``tests/features/test_future.py`` shows that the check catches leaks.
"""

import numpy as np
import pandas as pd

from podium.domains.base import Domain

NEW_YORK = "America/New_York"
FACTS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"]
CANCELLATION_HOURS = 6
WEATHER_HOURS = 1


def assert_same_past(
    before: pd.DataFrame, after: pd.DataFrame, *, keys: list[str], cut: pd.Timestamp, time: str = "feature_time"
) -> None:
    """Assert that rows up to and including the cut exist and are bit-identical."""
    past = [frame[frame[time] <= cut] for frame in (before, after)]
    assert len(past[0]), f"no row has a {time} up to {cut}: this compares nothing"
    assert_same_rows(*past, keys=[*keys, time])


def assert_same_rows(before: pd.DataFrame, after: pd.DataFrame, *, keys: list[str]) -> None:
    """Assert that both frames have bit-identical rows in any order, unique by the keys."""
    found = differences(before, after, keys)
    assert not found, "\n".join(found)


def differences(before: pd.DataFrame, after: pd.DataFrame, keys: list[str]) -> list[str]:
    """Describe the differences: columns, number of rows, then each column with the first row that differs."""
    if set(before.columns) != set(after.columns):
        return [f"columns: {sorted(set(before.columns) ^ set(after.columns))} are not in both"]
    left, right = (frame.sort_values(keys, ignore_index=True) for frame in (before, after))
    if left.duplicated(keys).any():
        return [f"rows are not unique by {keys}"]
    if len(left) != len(right):
        return [f"{len(left)} rows, then {len(right)}"]
    found = []
    for column in left:
        unequal = _bits(left[column]) != _bits(right[column])
        if unequal.any():
            first = int(np.argmax(unequal))
            where = ", ".join(f"{key}={left[key][first]}" for key in keys)
            values = f"{left[column][first]!r}, then {right[column][first]!r}"
            found.append(f"{column}: {unequal.sum()} of {len(left)} rows differ, first {values} at {where}")
    return found


def _bits(column: pd.Series) -> np.ndarray:
    """Values that are equal exactly if the bits are. Nulls equal only each other."""
    missing = column.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(column):
        # pandas turns a column of integers with a null into floats, which are exact up to 2**53.
        bits = column.to_numpy("float64", na_value=np.nan).view("int64")
        return np.where(missing, np.iinfo("int64").min + 1, bits)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None).to_numpy("datetime64[us]").view("int64")
    return np.where(missing, None, column.to_numpy())


def another_future(files: dict[str, pd.DataFrame], cut: pd.Timestamp, seed: int = 7) -> dict[str, pd.DataFrame]:
    """Return the same source files (text) with the same timetable, but with other facts after ``cut``.

    Flights leave and land at other times, with other aircraft. Some flights are cancelled, all cancelled flights fly,
    and some flights in the air are diverted. The weather differs and has other gaps. Every new fact, like the one it
    replaces, becomes known only after the cut and satisfies the contracts of the source.
    """
    rng = np.random.default_rng(seed)
    return files | {"flights": _flights(files["flights"], cut, rng), "weather": _weather(files["weather"], cut, rng)}


def _flights(flights: pd.DataFrame, cut: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    out = flights.copy()
    number = {name: pd.to_numeric(flights[name], errors="coerce") for name in ("minute", "dep_delay", "air_time")}
    planned = pd.to_datetime(flights["time_hour"], utc=True) + pd.to_timedelta(number["minute"], unit="min")
    left = planned + pd.to_timedelta(number["dep_delay"], unit="min")
    flew, open_at_cut = left.notna(), planned + pd.Timedelta(hours=CANCELLATION_HOURS) > cut
    leaves = (flew & (left > cut)) | (~flew & open_at_cut)
    dropped = flew & leaves & open_at_cut & (rng.random(len(out)) < 0.1)
    # By its time in the air the flight landed after the cut, whatever the local clock at its destination shows.
    in_the_air = flew & (left <= cut) & (left + pd.to_timedelta(number["air_time"], unit="min") > cut)
    diverted = in_the_air & (rng.random(len(out)) < 0.3)

    earliest = ((cut - planned) / pd.Timedelta(minutes=1)).clip(lower=-20).floordiv(1) + 1
    delay = (earliest + rng.integers(0, 240, len(out))).where(leaves & ~dropped)
    _depart(out, planned, delay, rng)
    late = (delay + rng.integers(-25, 60, len(out))).where(leaves)
    still = pd.to_numeric(flights["arr_delay"], errors="coerce") + rng.integers(5, 200, len(out))
    _land(out, late.where(leaves, still.where(in_the_air & ~diverted)))
    out.loc[diverted, ["arr_delay", "air_time"]] = ""
    out.loc[dropped, FACTS] = ""
    return out


def _depart(out: pd.DataFrame, planned: pd.Series, delay: pd.Series, rng: np.random.Generator) -> None:
    rows = delay.notna()
    local = (planned + pd.to_timedelta(delay, unit="min"))[rows].dt.tz_convert(NEW_YORK)
    out.loc[rows, "dep_delay"] = delay[rows].astype(int).astype(str)
    out.loc[rows, "dep_time"] = (local.dt.hour * 100 + local.dt.minute).astype(str)
    out.loc[rows, "tailnum"] = rng.permutation(out.loc[rows, "tailnum"].replace(["", "NA"], "N999ZZ"))
    out.loc[rows, "air_time"] = rng.integers(40, 300, rows.sum()).astype(str)


def _land(out: pd.DataFrame, delay: pd.Series) -> None:
    rows = delay.notna()
    clock = pd.to_numeric(out.loc[rows, "sched_arr_time"])
    minutes = (clock // 100 * 60 + clock % 100 + delay[rows]) % 1440
    out.loc[rows, "arr_delay"] = delay[rows].astype(int).astype(str)
    out.loc[rows, "arr_time"] = (minutes // 60 * 100 + minutes % 60).astype(int).astype(str)


def _weather(weather: pd.DataFrame, cut: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    out = weather.copy()
    later = pd.to_datetime(out["time_hour"], utc=True) + pd.Timedelta(hours=WEATHER_HOURS) > cut
    for name in ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"):
        out.loc[later, name] = rng.permutation(out.loc[later, name])
    return out[~later | (rng.random(len(out)) > 0.03)].reset_index(drop=True)


def table_keys(domain: Domain) -> dict[str, list[str]]:
    """The key columns of every table that feature engineering writes, by the table's place in the lakehouse."""
    return {
        **{f"bronze/{event.name}": [*event.keys, "known_at", "arrived_at"] for event in domain.events},
        "quarantine/rows": ["event", "item", "row"],
        "quarantine/marks": ["source", "item"],
        "quarantine/intake": ["event", "intake"],
        **{f"features/{table.name}": [*table.entity, "feature_time"] for table in domain.tables},
        "features/refreshes": ["table"],
    }
