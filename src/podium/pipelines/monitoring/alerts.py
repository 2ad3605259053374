"""Alerts: per month at most one for the features, one for the predictions and one for each metric.

Only complete months are judged, so an alert is raised once, on final figures. The table keeps an alert as it was first
raised, with the status that people set later.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from podium.errors import PodiumError, did_you_mean
from podium.models.metrics import METRICS
from podium.reports.words import ReportWords

from .parameters import MonitoringParams
from .reference import Reference
from .tables import ALERTS
from .windows import enough, title

__all__ = ["alerts"]

# The reason of a drift alert names at most this many features. The drift table lists all of them.
NAMED = 3


def alerts(
    drift: pd.DataFrame,
    performance: pd.DataFrame,
    reference: Reference,
    as_of: datetime,
    params: MonitoringParams,
) -> pd.DataFrame:
    """The alerts for the monitored model version as rows of ``ALERTS``, at most one for each month and subject.

    Args:
        drift: rows of ``DRIFT`` of that version.
        performance: rows of ``PERFORMANCE`` of that version.
        reference: what it was trained on, and its metrics at evaluation.
        as_of: the moment of the run.
        params: parameters of monitoring.

    Raises:
        PodiumError: ``reference.metrics`` lacks a metric that ``params.performance`` names.
    """
    _check_metrics(reference.metrics, params)
    found = [
        *_drift_alerts(drift, params),
        *_performance_alerts(performance, reference.metrics, params),
        *_calibration_alerts(performance, reference.positive_rate, params),
    ]
    stamp = {"raised_as_of": as_of, "status": "open"}
    return ALERTS.rows({**row, **stamp, "alert_id": _identify(row)} for row in found)


def _check_metrics(reference: Mapping[str, float], params: MonitoringParams) -> None:
    missing = [name + did_you_mean(name, reference) for name in params.performance.judged if name not in reference]
    if missing:
        raise PodiumError(
            f"The parameter monitoring.performance sets alert levels for metrics that the champion's evaluation lacks: "
            f"{', '.join(missing)}. Remove these levels. The evaluation has: {', '.join(sorted(reference))}."
        )


def _identify(row: Mapping[str, Any]) -> str:
    parts = (row["kind"], row["subject"], f"{row['window_start']:%Y-%m}", row["model_version"])
    return sha256("|".join(parts).encode()).hexdigest()[:16]


def _drift_alerts(drift: pd.DataFrame, params: MonitoringParams) -> Iterator[dict[str, Any]]:
    """At most one alert for the features and one for the predictions of each month, naming what drifted most."""
    for (kind, _), rows in drift[drift["complete"]].groupby(["kind", "window_start"]):
        drifted = rows[rows["drifted"]].sort_values(["psi", "subject"], ascending=[False, True])
        if drifted.empty:
            continue
        worst = drifted.iloc[0]
        named = ", ".join(_moved(row, params.words) for row in drifted[:NAMED].to_dict("records"))
        if kind == "feature":
            critical = len(drifted) >= params.drifted_share * len(rows)
            reason = f"{len(drifted)} of {len(rows)} features differ from the training set, most of all {named}."
        else:
            critical = worst["psi"] >= params.psi.critical
            reason = f"the answers differ from those at evaluation: {named}."
        yield {
            "kind": f"{kind}_drift",
            "severity": "critical" if critical else "warning",
            "subject": f"{kind}s",
            "window_start": worst["window_start"],
            "value": worst["psi"],
            "threshold": worst["threshold"],
            "reason": f"{title(worst['window_start'])}: {reason}",
            "model_version": worst["model_version"],
        }


def _moved(row: Mapping[Any, Any], words: ReportWords) -> str:
    """A subject and its change, such as ``temperature (67 to 75 for 31% of rows instead of 11%)``."""
    where = words.positive if (row["subject"], row["moved"]) == ("decision", "1") else row["moved"]
    return f"{row['subject']} ({where} for {row['moved_to']:.0%} of {words.rows} instead of {row['moved_from']:.0%})"


def _performance_alerts(
    performance: pd.DataFrame, reference: Mapping[str, float], params: MonitoringParams
) -> Iterator[dict[str, Any]]:
    """For each month, an alert for each metric that is worse than at evaluation by more than chance explains.

    The threshold is the tolerated loss plus the one-sided normal bound of the month's standard error.
    """
    z = ndtri(params.confidence)
    for metric, tolerated in params.performance.judged.items():
        described = METRICS[metric]
        sign = -1 if described.higher_is_better else 1
        for month in _judged(performance, f"{metric}_error", params):
            margin = z * month[f"{metric}_error"]
            levels = {name: reference[metric] + sign * (level + margin) for name, level in tolerated}
            severity = _severity(sign * month[metric], {name: sign * level for name, level in levels.items()})
            if severity is None:
                continue
            yield _about(month, "performance", metric, severity, levels) | {
                "reason": f"{title(month['window_start'])}: {described.title} was {month[metric]:.3f}, at evaluation "
                f"{reference[metric]:.3f}. Chance and the tolerated loss explain no more than a change to "
                f"{levels[severity]:.3f} ({month['labelled']:,} {params.words.rows})."
            }


def _calibration_alerts(
    performance: pd.DataFrame, trained_rate: float, params: MonitoringParams
) -> Iterator[dict[str, Any]]:
    """One alert for each month whose calibration error exceeds both its level and what chance explains."""
    words = params.words
    for month in _judged(performance, "calibration_noise", params):
        levels = {name: max(level, month["calibration_noise"]) for name, level in params.calibration}
        severity = _severity(month["calibration_error"], levels)
        if severity is None:
            continue
        yield _about(month, "calibration", "calibration_error", severity, levels) | {
            "reason": f"{title(month['window_start'])}: {month['positive_rate']:.0%} of {words.rows} were "
            f"{words.positive}; the model expected {month['mean_score']:.0%} and was trained on {trained_rate:.0%}. "
            f"The calibration error is {month['calibration_error']:.3f}, more than {levels[severity]:.3f}."
        }


def _judged(performance: pd.DataFrame, needs: str, params: MonitoringParams) -> Iterator[dict[Any, Any]]:
    """Yield complete months with enough labelled rows, whose value in the column named by ``needs`` is not null."""
    rows = performance[performance["complete"] & enough(performance["labelled"], performance["days"], params)]
    yield from rows[rows[needs].notna()].to_dict("records")


def _severity(value: float, levels: Mapping[str, float]) -> str | None:
    """The severity of the highest threshold that ``value`` exceeds; None if it exceeds none or is NaN."""
    if np.isnan(value) or value <= levels["warning"]:
        return None
    return "critical" if value > levels["critical"] else "warning"


def _about(
    month: Mapping[str, Any], kind: str, subject: str, severity: str, levels: Mapping[str, float]
) -> dict[str, Any]:
    shared = {name: month[name] for name in ("window_start", "model_version")}
    return shared | {
        "kind": kind,
        "severity": severity,
        "subject": subject,
        "value": month[subject],
        "threshold": levels[severity],
    }
