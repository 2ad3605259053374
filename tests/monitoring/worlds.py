"""Synthetic predictions for the tests of monitoring: parcels that can get lost."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

KEYS = ("item",)
FEATURES = ["size", "waits", "steps", "colour"]
CATEGORICAL = ["colour"]
AS_OF = datetime(2013, 11, 10, tzinfo=UTC)
COLUMNS = (
    "item string, prediction_time timestamp, model_version string, size double, waits double, steps bigint, "
    "colour string, score double, decision int, label int, label_available_at timestamp"
)


def world(rows: int, start: str, end: str, *, seed: int, version: str = "1") -> pd.DataFrame:
    """Predictions of a perfectly calibrated model, with features and labels."""
    rng = np.random.default_rng(seed)
    begin, finish = pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC")
    moments = pd.DatetimeIndex(begin + (finish - begin) * rng.random(rows)).floor("s")
    score = rng.beta(1.5, 4, rows)
    waits = rng.exponential(10, rows).round(1)
    waits[rng.random(rows) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "item": [f"{seed}-{i}" for i in range(rows)],
            "prediction_time": moments,
            "model_version": version,
            "size": rng.normal(size=rows),
            "waits": waits,
            "steps": rng.poisson(0.7, rows),
            "colour": rng.choice(["red", "green", "blue", None], rows, p=[0.6, 0.3, 0.08, 0.02]),
            "score": score,
            "decision": (score > 0.4).astype(int),
            "label": (rng.random(rows) < score).astype(int),
            "label_available_at": moments + pd.Timedelta(hours=30),
        }
    )
