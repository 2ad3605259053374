"""Performance: the metrics of each model version, month by month, on the labels known so far.

Standard errors come from a bootstrap over days. Rows of one day are correlated, so resampling single rows would
underestimate the errors. ``models.bootstrap`` computes the intervals of the evaluation in the same way.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.features.as_of import known_at
from podium.models.bootstrap import draw_days, resample
from podium.models.metrics import BINS, METRICS, bin_of, measure

from .parameters import MonitoringParams
from .reference import require_columns
from .tables import PERFORMANCE
from .windows import closed, day, monitored, month, window

__all__ = ["calibration_noise", "performance"]

# Compute a standard error for all metrics except the calibration error. Chance alone makes the calibration error
# positive, so it is compared with calibration_noise, the error that chance explains.
WITH_ERROR = tuple(name for name in METRICS if name != "calibration_error")
RESAMPLES = 200


def performance(
    predictions: DataFrame, labels: DataFrame, as_of: datetime, *, keys: Sequence[str], params: MonitoringParams
) -> pd.DataFrame:
    """A row of ``PERFORMANCE`` for each model version and month, from the labels known at ``as_of``.

    ``complete`` says that the month had been over for ``params.label_lag_hours``. Until then the figures are biased,
    because one label can become known sooner than the other. ``positive_rate``, ``mean_score`` and the metrics are
    those of the ``labelled`` rows; ``days`` is their number of days. An undefined metric (such as the ROC AUC of one
    class) is null.

    Args:
        predictions: the prediction log: keys, ``prediction_time``, ``model_version``, ``score``.
        labels: keys, ``label`` (0/1), ``label_available_at``; at most one row for each key.
        as_of: labels that became known later are not used.
        keys: entity keys.
        params: parameters of monitoring.

    Raises:
        PodiumError: a column is missing.
    """
    require_columns(predictions, [*keys, "prediction_time", "model_version", "score"], "The prediction log")
    require_columns(labels, [*keys, "label", "label_available_at"], "The table of labels")
    seen = monitored(predictions, as_of, params.months)
    known = known_at(labels, as_of, by="label_available_at").select(*keys, "label")
    versions = sorted(row["model_version"] for row in seen.select("model_version").distinct().collect())
    lag = timedelta(hours=params.label_lag_hours)
    return PERFORMANCE.rows(
        {
            "model_version": version,
            "window_start": month(start),
            "complete": closed(month(start), as_of, lag),
            "predictions": len(rows),
            **_figures(rows.dropna()),
        }
        for version in versions
        for start, rows in _scored(seen, known, version, keys).groupby("window")
    )


def _scored(seen: DataFrame, known: DataFrame, version: str, keys: Sequence[str]) -> pd.DataFrame:
    """``window``, ``day``, ``score`` and ``label`` (null if unknown) of each prediction of one model version."""
    mine = seen.filter(F.col("model_version") == version).select(*keys, "prediction_time", "score")
    both = mine.join(known, [*keys], "left")
    rows = both.select(window(), day(), F.col("score").cast("double"), F.col("label").cast("double")).toPandas()
    # Sort, because floating-point sums depend on the order of rows, which an engine does not guarantee.
    return rows.sort_values(["window", "day", "score", "label"], ignore_index=True)


def _figures(rows: pd.DataFrame) -> dict[str, object]:
    """The metrics of one month, from its labelled rows, which have the columns ``day``, ``score`` and ``label``."""
    if rows.empty:
        return {"labelled": 0, "days": 0}
    label, score = rows["label"].to_numpy(), rows["score"].to_numpy()
    days, day_of_row = np.unique(rows["day"], return_inverse=True)
    resampled = resample(label, score, day_of_row, draw_days(len(days), RESAMPLES, seed=0))
    return {
        "labelled": len(rows),
        "days": len(days),
        "positive_rate": label.mean(),
        "mean_score": score.mean(),
        **measure(label, score),
        **{f"{name}_error": _spread(resampled[name]) for name in WITH_ERROR},
        "calibration_noise": calibration_noise(label, score, day_of_row),
    }


def _spread(values: np.ndarray) -> float:
    """The standard error of a metric: its standard deviation over the resamples on which it is defined."""
    defined = values[np.isfinite(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else np.nan


def calibration_noise(label: np.ndarray, score: np.ndarray, days: np.ndarray) -> float:
    """The calibration error that chance explains: calibrated scores stay below it in at least 99 of 100 months.

    In each bin the sum of score - label is about normal around 0. Its variance is estimated from the sums of the days,
    so rows of one day may be correlated: Liang and Zeger, "Longitudinal data analysis using generalized linear models",
    Biometrika 73, 1986. The error is a sum of half-normal variables. Its mean plus three standard deviations covers 99%
    for any number of bins (a single half-normal needs 2.97 standard deviations, a normal sum 2.33).

    Args:
        label: 0 or 1, shape (n,).
        score: probabilities of 1, shape (n,).
        days: the number of each row's day from 0, shape (n,).
    """
    gaps = np.bincount(days * BINS + bin_of(score), score - label, minlength=(days.max() + 1) * BINS).reshape(-1, BINS)
    variance = (gaps**2).sum(axis=0)
    mean, spread = np.sqrt(2 / np.pi) * np.sqrt(variance).sum(), np.sqrt((1 - 2 / np.pi) * variance.sum())
    return float((mean + 3 * spread) / len(label))
