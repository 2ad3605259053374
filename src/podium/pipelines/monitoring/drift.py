"""Drift: how far the months of predictions are from the reference, as a Population Stability Index (PSI).

With p and q the shares of rows in a bin, PSI is the sum over bins of (p - q) ln(p / q), the symmetric divergence of
H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R. Soc. A 186, 1946. Where
nothing changed, it is about (1/n + 1/m) times a chi-squared variable with bins - 1 degrees of freedom, n and m being
the numbers of rows: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal
of Risk Model Validation 14(4), 2020. So noise is large where rows are few, and a fixed threshold is wrong at both ends.

That law is for independent rows. Rows that share a day's weather have more noise than it says; on thousands of rows
even a multiple of it is far below any drift that matters, and there the fixed level decides.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.stats import chi2

from .histograms import Bins, count, histograms
from .parameters import MonitoringParams
from .reference import SCORES, Reference, require_columns
from .windows import closed, monitored, window

__all__ = ["KEYS", "SCHEMA", "drift", "noise", "stability_index"]

KEYS = ("model_version", "window_start", "subject")
SCHEMA = (
    "model_version string, window_start timestamp, subject string, kind string, psi double, threshold double, "
    "noise double, rows bigint, reference_rows bigint, drifted boolean, complete boolean, moved string"
)


def drift(
    predictions: DataFrame, reference: Reference, as_of: datetime, model_version: str, params: MonitoringParams
) -> pd.DataFrame:
    """The drift of one model version: a row for each month and subject, as in ``SCHEMA``.

    ``subject`` is a feature, ``score`` or ``decision``; ``kind`` is ``feature`` or ``prediction``. ``threshold`` is
    the larger of ``params.psi.warning`` and ``noise``, the PSI that a month without drift exceeds with probability
    1 - ``params.confidence``, all subjects of its kind together. ``complete`` says that the month was over at
    ``as_of``. ``moved`` names the bin whose share changed most.

    Raises:
        PodiumError: a column is missing from the predictions.
    """
    require_columns(predictions, ["model_version", "prediction_time", *reference.bins], "The prediction log")
    seen = monitored(predictions, as_of, params.months).filter(F.col("model_version") == model_version)
    counted = histograms(count(seen, reference.bins, window()), reference.bins)
    rows = [
        {"model_version": model_version, "window_start": start, "subject": subject}
        | _compare(subject, now, reference, params)
        for subject, months in counted.items()
        for start, now in months.items()
    ]
    found = pd.DataFrame(rows, columns=[column.split()[0] for column in SCHEMA.split(", ")])
    found["window_start"] = pd.to_datetime(found["window_start"], unit="s", utc=True)
    found["complete"] = closed(found["window_start"], as_of)
    return found.sort_values(["window_start", "subject"], ignore_index=True)


def _compare(subject: str, now: np.ndarray, reference: Reference, params: MonitoringParams) -> dict[str, Any]:
    """One subject of one month against the reference."""
    then, bins = reference.rows[subject], reference.bins[subject]
    kind, tests = ("prediction", len(SCORES)) if subject in SCORES else ("feature", len(reference.features))
    psi = stability_index(then, now)
    # One of a hundred features is beyond its own 99% by chance alone: what counts is the chance that any is.
    chance = noise(then, now, 1 - (1 - params.confidence) / tests)
    threshold = max(params.psi.warning, chance)
    return {
        "kind": kind,
        "psi": psi,
        "threshold": threshold,
        "noise": chance,
        "rows": int(now.sum()),
        "reference_rows": int(then.sum()),
        "drifted": bool(psi > threshold and now.sum() >= params.min_rows),
        "moved": _moved(bins, then, now),
    }


def stability_index(then: np.ndarray, now: np.ndarray) -> float:
    """The PSI between two histograms of the same bins, each shape (bins,).

    A bin that only one side has would make it infinite: half a row is added to both sides of each bin in use.
    """
    used = (then + now) > 0
    q, p = then[used] + 0.5, now[used] + 0.5
    q, p = q / q.sum(), p / p.sum()
    return float(((p - q) * np.log(p / q)).sum())


def noise(then: np.ndarray, now: np.ndarray, confidence: float) -> float:
    """The PSI that two samples of one distribution stay below with probability ``confidence``."""
    bins = np.count_nonzero(then + now)
    if bins < 2:
        return 0.0
    return float((1 / then.sum() + 1 / now.sum()) * chi2.ppf(confidence, bins - 1))


def _moved(bins: Bins, then: np.ndarray, now: np.ndarray) -> str:
    was, is_now = then / then.sum(), now / now.sum()
    most = int(np.argmax(np.abs(is_now - was)))
    return f"{bins.name(most)}: {was[most]:.0%} -> {is_now[most]:.0%}"
