"""Drift: the distance of each month of predictions from the reference, as a Population Stability Index (PSI).

With p and q the shares of rows in a bin, PSI is the sum over bins of (p - q) ln(p / q), the symmetric divergence of
H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R. Soc. A 186, 1946. Where
nothing changed, it is about (1/n + 1/m) times a chi-squared variable with bins - 1 degrees of freedom, n and m being
the numbers of rows: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal
of Risk Model Validation 14(4), 2020. So noise is large if rows are few, and no fixed threshold suits every sample.

That law assumes independent rows. Rows of one day are correlated, so their noise is larger. With thousands of rows,
even a multiple of the noise is far below any drift that matters, and the fixed level decides.
"""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.special import chdtri

from .histograms import Bins, count, histograms
from .parameters import MonitoringParams
from .reference import SCORES, Reference, require_columns
from .tables import DRIFT
from .windows import closed, day, enough, monitored, month, window

__all__ = ["drift", "most_drifted", "noise", "stability_index"]


def drift(predictions: DataFrame, reference: Reference, as_of: datetime, params: MonitoringParams) -> pd.DataFrame:
    """The drift of the champion's predictions: per month, a row of ``DRIFT`` for each feature, the score, the decision.

    ``subject`` is a feature, ``score`` or ``decision``; ``kind`` is ``feature`` or ``prediction``. ``threshold`` is
    the larger of ``params.psi.warning`` and ``noise``, the PSI that a month without drift exceeds with probability
    1 - ``params.confidence``, all subjects of its kind together. ``complete`` says that the month was over at
    ``as_of``. ``moved`` names the bin whose share of rows changed most, from ``moved_from`` to ``moved_to``.

    Raises:
        PodiumError: a column is missing from the predictions.
    """
    require_columns(predictions, ["model_version", "prediction_time", *reference.bins], "The prediction log")
    seen = monitored(predictions, as_of, params.months).filter(F.col("model_version") == reference.model_version)
    counted = histograms(count(seen, reference.bins, window()), reference.bins)
    by_day = seen.groupBy(window()).agg(F.countDistinct(day()).alias("days")).collect()
    days = {row["window"]: row["days"] for row in by_day}
    return DRIFT.rows(
        {
            "model_version": reference.model_version,
            "window_start": month(start),
            "subject": subject,
            "complete": closed(month(start), as_of),
            "days": days[start],
            **_compare(subject, now, days[start], reference, params),
        }
        for subject, months in counted.items()
        for start, now in months.items()
    )


def _compare(
    subject: str, now: np.ndarray, days: int, reference: Reference, params: MonitoringParams
) -> dict[str, Any]:
    """Compare one month's histogram of a feature, the score or the decision with the histogram of the reference."""
    then, bins = reference.rows[subject], reference.bins[subject]
    kind, tests = ("prediction", len(SCORES)) if subject in SCORES else ("feature", len(reference.features))
    psi = stability_index(then, now)
    # Bonferroni correction. Without it, one in a hundred features exceeds its own 99% bound by chance alone.
    chance = noise(then, now, 1 - (1 - params.confidence) / tests)
    threshold = max(params.psi.warning, chance)
    return {
        "kind": kind,
        "psi": psi,
        "threshold": threshold,
        "noise": chance,
        "rows": int(now.sum()),
        "reference_rows": int(then.sum()),
        "drifted": bool(psi > threshold and enough(now.sum(), days, params)),
        **_moved(bins, then / then.sum(), now / now.sum()),
    }


def stability_index(then: np.ndarray, now: np.ndarray) -> float:
    """The PSI between two histograms of the same bins, each shape (bins,).

    Half a row is added to both sides of each bin in use: otherwise a bin that one side lacks makes the PSI infinite.
    """
    used = (then + now) > 0
    q, p = then[used] + 0.5, now[used] + 0.5
    q, p = q / q.sum(), p / p.sum()
    return float(((p - q) * np.log(p / q)).sum())


def noise(then: np.ndarray, now: np.ndarray, confidence: float) -> float:
    """The PSI that chance explains: two samples of the same distribution stay below it with this ``confidence``."""
    bins = np.count_nonzero(then + now)
    if bins < 2:
        return 0.0
    return float((1 / then.sum() + 1 / now.sum()) * chdtri(bins - 1, 1 - confidence))


def _moved(bins: Bins, then: np.ndarray, now: np.ndarray) -> dict[str, Any]:
    """The bin whose share of rows changed most. On a tie the last wins, so for decisions the positive one is named."""
    changes = np.abs(now - then).round(12)
    most = int(len(changes) - 1 - np.argmax(changes[::-1]))
    return {"moved": bins.name(most), "moved_from": then[most], "moved_to": now[most]}


def most_drifted(drift: pd.DataFrame, params: MonitoringParams) -> list[str]:
    """The features with the largest PSI in any judged month, largest first, at most ``params.report_features``."""
    judged = drift[(drift["kind"] == "feature") & enough(drift["rows"], drift["days"], params)]
    highest = judged.groupby("subject")["psi"].max().reset_index()
    ordered = highest.sort_values(["psi", "subject"], ascending=[False, True])
    return ordered["subject"].head(params.report_features).tolist()
