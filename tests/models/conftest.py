"""Synthetic flights with a pattern that models learn quickly, text columns and missing values."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

KEYS = ("carrier", "flight", "scheduled_departure")
FEATURES = ["delay", "pressure", "minute_of_day", "empty", "constant", "carrier", "dest"]
CATEGORICAL = ("carrier", "dest")


@dataclass(frozen=True)
class Question:
    """The attributes of a Problem that training reads."""

    name: str = "late"
    keys: tuple[str, ...] = KEYS
    feature_names: tuple[str, ...] = tuple(FEATURES)
    categorical: tuple[str, ...] = CATEGORICAL


def flights(rows: int = 3_000, seed: int = 1) -> pd.DataFrame:
    """Flights from 1 January to 9 April 2013. A larger delay makes a late label likelier. Some values are missing."""
    draw = np.random.default_rng(seed)
    leaves = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows) * 100 / rows, unit="D").round("s")
    carrier = draw.choice(["AA", "B6", "UA"], rows)
    delay = draw.normal(0, 10, rows)
    chance = 1 / (1 + np.exp(1.5 - 0.15 * delay - (carrier == "B6")))
    frame = pd.DataFrame(
        {
            "carrier": carrier.astype(object),
            "flight": draw.integers(1, 400, rows).astype("int32"),
            "scheduled_departure": leaves,
            "dest": draw.choice(["BOS", "LAX", "SFO"], rows).astype(object),
            "delay": delay,
            "pressure": draw.normal(1013, 5, rows),
            "minute_of_day": leaves.hour * 60.0 + leaves.minute,
            "empty": np.nan,
            "constant": 7.0,
            "prediction_time": leaves - pd.Timedelta(hours=2),
            "label": (draw.random(rows) < chance).astype("int32"),
            "label_available_at": leaves + pd.Timedelta(hours=5),
        }
    )
    frame.loc[draw.random(rows) < 0.2, "pressure"] = np.nan
    frame.loc[draw.random(rows) < 0.1, "dest"] = None
    return frame.sort_values(list(KEYS), ignore_index=True)


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    return flights()


@pytest.fixture(scope="session")
def later() -> pd.DataFrame:
    return flights(1_000, seed=2)
