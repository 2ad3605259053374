"""Monitoring: predictions, labels and what the model was trained on -> drift, performance, alerts, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pyspark.sql import DataFrame

from podium.lakehouse.table import Rows

from .alerts import alerts
from .drift import drift, most_drifted
from .drift_report import drift_report
from .parameters import MonitoringParams
from .performance import performance
from .reference import Reference, profile
from .tables import ALERTS, DRIFT, PERFORMANCE

__all__ = [
    "measure_drift",
    "measure_performance",
    "profile_reference",
    "raise_alerts",
    "write_drift_report",
    "write_page",
]


def profile_reference(
    examples: DataFrame,
    held_out: DataFrame,
    model_version: str,
    metrics: Mapping[str, float],
    parameters: MonitoringParams,
    *,
    keys: Sequence[str],
    features: Sequence[str],
    categorical: Sequence[str],
) -> Reference:
    """What the months are compared with: the champion's training set, its held-out scores and its metrics on them."""
    return profile(
        examples,
        held_out,
        model_version=model_version,
        metrics=metrics,
        keys=keys,
        features=features,
        categorical=categorical,
        params=parameters,
    )


def measure_drift(predictions: DataFrame, reference: Reference, as_of: datetime, parameters: MonitoringParams) -> Rows:
    """How far each month of the champion's predictions is from the reference, feature by feature."""
    return DRIFT.save(drift(predictions, reference, as_of, parameters), predictions.sparkSession)


def measure_performance(
    predictions: DataFrame, labels: DataFrame, as_of: datetime, parameters: MonitoringParams, *, keys: Sequence[str]
) -> Rows:
    """How well each model version did in each month, by the labels that are knowable."""
    found = performance(predictions, labels, as_of, keys=keys, params=parameters)
    return PERFORMANCE.save(found, predictions.sparkSession)


def raise_alerts(
    drifts: DataFrame, performances: DataFrame, reference: Reference, as_of: datetime, parameters: MonitoringParams
) -> Rows:
    """What a person should look at."""
    wanted = (as_of, parameters.months, reference.model_version)
    found = alerts(DRIFT.load(drifts, *wanted), PERFORMANCE.load(performances, *wanted), reference, as_of, parameters)
    return ALERTS.save(found, drifts.sparkSession)


def write_page(
    *,
    predictions: DataFrame,
    drifts: DataFrame,
    performances: DataFrame,
    raised: DataFrame,
    reference: Reference,
    as_of: datetime,
    parameters: MonitoringParams,
    title: str,
) -> str:
    """The monitoring page, one HTML file."""
    # Brings matplotlib along, which is slow to import and needed by this node only.
    from .report import Findings, page, score_shares

    wanted = (as_of, parameters.months, reference.model_version)
    findings = Findings(
        drift=DRIFT.load(drifts, *wanted),
        performance=PERFORMANCE.load(performances, *wanted),
        alerts=ALERTS.load(raised, *wanted),
    )
    shares = score_shares(predictions, as_of, reference.model_version, parameters.months)
    return page(findings, shares, reference, title=title, as_of=as_of, params=parameters)


def write_drift_report(
    predictions: DataFrame,
    drifts: DataFrame,
    reference: Reference,
    as_of: datetime,
    parameters: MonitoringParams,
    *,
    keys: Sequence[str],
) -> str:
    """The Evidently report on the most drifted features, one HTML file."""
    found = DRIFT.load(drifts, as_of, parameters.months, reference.model_version)
    features = most_drifted(found, parameters)
    return drift_report(predictions, reference, features, keys=keys, as_of=as_of, params=parameters)
