"""Performance: how well a model did, month by month, once the labels are knowable.

Standard errors come from a bootstrap over days: rows of one day share its weather and are not independent, so that
resampling rows would claim more than the data know (see ``evaluation.bootstrap``, whose intervals these match).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.pipelines.evaluation.bootstrap import draw_days, resample
from podium.pipelines.evaluation.metrics import BINS, METRICS, bin_of, measure

from .parameters import MonitoringParams
from .reference import require_columns
from .windows import closed, monitored, window

__all__ = ["KEYS", "SCHEMA", "calibration_noise", "performance"]

KEYS = ("model_version", "window_start")
# Each metric has a standard error, but for the calibration error: chance alone makes it positive, by at most the noise.
WITH_ERROR = tuple(name for name in METRICS if name != "calibration_error")
SCHEMA = (
    "model_version string, window_start timestamp, complete boolean, predictions bigint, labelled bigint, "
    "positive_rate double, mean_score double, "
    + ", ".join(f"{name} double, {name}_error double" for name in WITH_ERROR)
    + ", calibration_error double, calibration_noise double"
)
RESAMPLES = 200
# The spread of fewer days than these says nothing about the spread of days.
FEWEST_DAYS = 5
SECONDS_OF_DAY = 86_400


def performance(
    predictions: DataFrame, labels: DataFrame, as_of: datetime, *, keys: Sequence[str], params: MonitoringParams
) -> pd.DataFrame:
    """A row for each model version and month, as in ``SCHEMA``, from what was knowable at ``as_of``.

    ``complete`` says that the month had been over for ``params.label_lag_hours``; until then the figures are those of
    the rows whose label is known, and good news travels faster than bad. ``positive_rate``, ``mean_score`` and the
    metrics are those of the ``labelled`` rows; a metric that is not defined (ranking of one class) is null, and so are
    standard errors and noise of fewer than 5 days.

    Args:
        predictions: the prediction log: keys, ``prediction_time``, ``model_version``, ``score``.
        labels: keys, ``label`` (0/1), ``label_available_at``; at most one row for each key.
        as_of: nothing that was knowable only later is used.
        keys: entity keys.
        params: parameters of monitoring.

    Raises:
        PodiumError: a column is missing.
    """
    require_columns(predictions, [*keys, "prediction_time", "model_version", "score"], "The prediction log")
    require_columns(labels, [*keys, "label", "label_available_at"], "The table of labels")
    seen = monitored(predictions, as_of, params.months)
    known = labels.filter(F.col("label_available_at") <= F.lit(as_of)).select(*keys, "label")
    versions = sorted(row["model_version"] for row in seen.select("model_version").distinct().collect())
    rows = [row for version in versions for row in _months(seen, known, version, keys)]
    found = pd.DataFrame(rows, columns=[column.split()[0] for column in SCHEMA.split(", ")])
    found["window_start"] = pd.to_datetime(found["window_start"], unit="s", utc=True)
    found["complete"] = closed(found["window_start"], as_of, timedelta(hours=params.label_lag_hours))
    return found


def _months(seen: DataFrame, known: DataFrame, version: str, keys: Sequence[str]) -> list[dict[str, object]]:
    """The figures of one model version, month by month. Four numbers of each row are collected."""
    mine = seen.filter(F.col("model_version") == version).join(known, [*keys], "left")
    day = F.floor(F.unix_timestamp("prediction_time") / SECONDS_OF_DAY)
    rows = mine.select(
        window(), day.alias("day"), F.col("score").cast("double"), F.col("label").cast("double")
    ).toPandas()
    # Sums of fractions depend on their order, which an engine does not promise.
    rows = rows.sort_values(["window", "day", "score", "label"], ignore_index=True)
    return [
        {"model_version": version, "window_start": start, "predictions": len(month)} | _figures(month.dropna())
        for start, month in rows.groupby("window")
    ]


def _figures(rows: pd.DataFrame) -> dict[str, object]:
    """The figures of labelled rows: ``day``, ``score``, ``label``, sorted."""
    if rows.empty:
        return {"labelled": 0}
    label, score = rows["label"].to_numpy(), rows["score"].to_numpy()
    day = np.unique(rows["day"], return_inverse=True)[1]
    days = int(day.max()) + 1
    resampled = resample(label, score, day, draw_days(days, RESAMPLES, seed=0))
    return {
        "labelled": len(rows),
        "positive_rate": label.mean(),
        "mean_score": score.mean(),
        **measure(label, score),
        **{f"{name}_error": _spread(resampled[name]) if days >= FEWEST_DAYS else np.nan for name in WITH_ERROR},
        "calibration_noise": calibration_noise(label, score, day) if days >= FEWEST_DAYS else np.nan,
    }


def _spread(values: np.ndarray) -> float:
    """The standard deviation of the resamples on which a metric is defined."""
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else np.nan


def calibration_noise(label: np.ndarray, score: np.ndarray, day: np.ndarray) -> float:
    """The calibration error that scores which mean what they say stay below, in at least 99 of 100 months.

    In each bin the sum of score - label is then about normal around 0. Its variance is taken from the sums of the days,
    which allows for rows of one day to be alike: Liang and Zeger, "Longitudinal data analysis using generalized linear
    models", Biometrika 73, 1986. The error is a sum of such half-normal distances; mean and three standard deviations of
    it cover the 99% for any number of bins (one half-normal needs 2.97 of them, a normal sum 2.33).

    Args:
        label: 0 or 1, shape (n,).
        score: probabilities of 1, shape (n,).
        day: the number of each row's day from 0, shape (n,).
    """
    gaps = np.bincount(day * BINS + bin_of(score), score - label, minlength=(day.max() + 1) * BINS).reshape(-1, BINS)
    variance = (gaps**2).sum(axis=0)
    mean, spread = np.sqrt(2 / np.pi) * np.sqrt(variance).sum(), np.sqrt((1 - 2 / np.pi) * variance.sum())
    return float((mean + 3 * spread) / len(label))
