"""Compare tables bit by bit."""

import numpy as np
import pandas as pd

from podium.domains.base import Domain


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
