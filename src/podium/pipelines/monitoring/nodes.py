"""The nodes of monitoring: prediction log, labels and training set -> drift, performance, alerts, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError
from podium.features.as_of import newest_known
from podium.lakehouse.run_command import run_command
from podium.lakehouse.table import Rows
from podium.models.scoring import add_scores
from podium.pipelines.inference.nodes import InferenceParams
from podium.problems.base import Problem
from podium.registry.versions import ModelVersion

from .alerts import alerts
from .drift import drift, most_drifted
from .drift_report import drift_report
from .parameters import MonitoringParams
from .performance import performance
from .reference import Reference, profile
from .tables import ALERTS, DRIFT, PERFORMANCE

__all__ = [
    "labels_known",
    "measure_drift",
    "measure_performance",
    "raise_alerts",
    "reference",
    "write_drift_report",
    "write_page",
]


def reference(
    champion: ModelVersion | None,
    examples: DataFrame,
    inference: InferenceParams,
    parameters: MonitoringParams,
    *,
    problem: Problem,
) -> Reference:
    """The reference of the champion: its training rows, its scores on held-out rows, and its metrics on them.

    Raises:
        PodiumError: there is no champion, or its training set is gone.
    """
    if champion is None:
        raise PodiumError(f"{problem.name} has no champion to monitor. Run: {run_command('deployment')}")
    mine = examples.filter(F.col("as_of") == F.lit(champion.as_of))
    held_out_from = F.lit(champion.held_out_from)
    unseen = add_scores(mine.filter(F.col("prediction_time") >= held_out_from), champion.model, digest=champion.digest)
    decided = unseen.withColumn("decision", (F.col("score") >= inference.decision_threshold).cast("int"))
    return profile(
        mine.filter(F.col("prediction_time") < held_out_from),
        decided,
        model_version=champion.version,
        metrics=_metrics(champion.tags),
        params=parameters,
        keys=problem.keys,
        features=list(champion.model.features),
        categorical=problem.categorical,
    )


def labels_known(as_of: datetime, *bronze: DataFrame, problem: Problem) -> DataFrame:
    """The labels that were knowable at ``as_of``."""
    events = dict(zip(problem.label_reads, bronze, strict=True))
    return problem.labels(newest_known(events, problem.domain, as_of))


def measure_drift(predictions: DataFrame, reference: Reference, as_of: datetime, parameters: MonitoringParams) -> Rows:
    """The drift of the champion's predictions: per month one row for each feature, the score and the decision."""
    return DRIFT.save(drift(predictions, reference, as_of, parameters), predictions.sparkSession)


def measure_performance(
    predictions: DataFrame, labels: DataFrame, as_of: datetime, parameters: MonitoringParams, *, keys: Sequence[str]
) -> Rows:
    """The performance of each model version in each month, on the labels known at ``as_of``."""
    found = performance(predictions, labels, as_of, keys=keys, params=parameters)
    return PERFORMANCE.save(found, predictions.sparkSession)


def raise_alerts(
    drifts: DataFrame, performances: DataFrame, reference: Reference, as_of: datetime, parameters: MonitoringParams
) -> Rows:
    """The alerts for the champion's drift and performance."""
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
    # Imported here because it loads matplotlib, which is slow and which only this node needs.
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


def _metrics(tags: Mapping[str, str]) -> dict[str, float]:
    prefix = "podium.metric."
    return {key.removeprefix(prefix): float(value) for key, value in tags.items() if key.startswith(prefix)}
