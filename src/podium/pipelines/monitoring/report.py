"""The monitoring page: one HTML file with the drift, the performance and the alerts of each month."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.models.metrics import METRICS
from podium.reports import drawing, figure_to_svg, render

from .drift import most_drifted
from .parameters import MonitoringParams
from .pictures import COLUMNS, FAR, SCORE_BINS, draw_drift, draw_quality, draw_rates, draw_scores
from .reference import Reference
from .windows import enough, monitored, month, window

__all__ = ["Findings", "page", "score_shares"]

TEMPLATE = Path(__file__).parent / "templates" / "monitoring.html"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The results of monitoring one model version: its rows of the drift, performance and alert tables."""

    drift: pd.DataFrame
    performance: pd.DataFrame
    alerts: pd.DataFrame


def page(
    findings: Findings,
    shares: Mapping[pd.Timestamp, np.ndarray],
    reference: Reference,
    *,
    title: str,
    as_of: datetime,
    params: MonitoringParams,
) -> str:
    """Return the monitoring page as HTML. The same arguments always give the same bytes.

    Args:
        findings: the results to show.
        shares: the scores of each month, from ``score_shares``.
        reference: the reference that each month is compared with.
        title: the problem's title.
        as_of: the time as of which monitoring ran.
        params: parameters of monitoring; months with too few rows or days to be judged are not drawn.
    """
    figures = _figures(findings, shares, reference, params)
    severities = findings.alerts["severity"].value_counts()
    return render(
        TEMPLATE,
        title=title,
        model_version=reference.model_version,
        as_of=f"{as_of:%Y-%m-%d %H:%M}",
        words=params.words,
        min_rows=params.min_rows,
        min_days=params.min_days,
        psi=params.psi,
        far=FAR * params.psi.critical,
        predictions=int(findings.performance["predictions"].sum()),
        labelled=int(findings.performance["labelled"].sum()),
        alerts=_by_month(findings.alerts),
        severities={name: int(severities.get(name, 0)) for name in ("critical", "warning")},
        months=findings.performance.to_dict("records"),
        metrics={name: metric.title for name, metric in METRICS.items()},
        reference=reference,
        figures=figures,
    )


def score_shares(
    predictions: DataFrame, as_of: datetime, model_version: str, months: int
) -> dict[pd.Timestamp, np.ndarray]:
    """For each month, the share of a model version's scores in each of ``SCORE_BINS`` equal-width bins of [0, 1]."""
    mine = monitored(predictions, as_of, months).filter(F.col("model_version") == model_version)
    bins = F.least(F.floor(F.col("score") * SCORE_BINS), F.lit(SCORE_BINS - 1)).alias("bin")
    found = (
        mine.filter(F.col("score").isNotNull()).groupBy(window(), bins).agg(F.count("score").alias("rows")).toPandas()
    )
    shares = {}
    for seconds, rows in found.groupby("window"):
        full = np.zeros(SCORE_BINS)
        full[rows["bin"].astype(int)] = rows["rows"]
        shares[month(seconds)] = full / full.sum()
    return shares


def _figures(
    findings: Findings,
    shares: Mapping[pd.Timestamp, np.ndarray],
    reference: Reference,
    params: MonitoringParams,
) -> dict[str, Markup]:
    """Draw the pictures of the page and return them by name. Pictures without data are left out."""
    months = findings.performance
    labelled = months[enough(months["labelled"], months["days"], params)]
    shown = findings.drift[enough(findings.drift["rows"], findings.drift["days"], params)]
    shares = {start: shares[start] for start in shown["window_start"].unique()}
    held_out = np.histogram(reference.scores, bins=SCORE_BINS, range=(0, 1))[0] / len(reference.scores)
    psi = _heat(shown, params)
    drawn = {}
    if shares:
        height = 0.4 + 2 * -(-len(shares) // COLUMNS)
        drawn["scores"] = _svg("Scores by month", 11, height, lambda f: draw_scores(f, shares, held_out))
    if len(labelled):
        rate = reference.positive_rate
        drawn["rates"] = _svg("Truth and mean score by month", 6, 4.4, lambda f: draw_rates(f, labelled, rate, params))
        drawn["quality"] = _svg("Quality by month", 6, 4.4, lambda f: draw_quality(f, labelled, reference.metrics))
    if len(psi):
        drawn["drift"] = _svg(
            "Drift by feature and month", 11, 0.6 + 0.3 * len(psi), lambda f: draw_drift(f, psi, params)
        )
    return drawn


def _svg(label: str, width: float, height: float, draw: Callable[[Figure], None]) -> Markup:
    with drawing(width, height) as figure:
        draw(figure)
        return figure_to_svg(figure, label=label)


def _heat(drift: pd.DataFrame, params: MonitoringParams) -> pd.DataFrame:
    """The drift heat map's data: PSI of score, decision and the most drifted features (rows) by month (columns)."""
    psi = drift.pivot_table(index="subject", columns="window_start", values="psi")
    answers = sorted(set(drift.loc[drift["kind"] == "prediction", "subject"]), reverse=True)
    return psi.reindex([*answers, *most_drifted(drift, params)])


def _by_month(alerts: pd.DataFrame) -> list[dict[Any, Any]]:
    """The alerts as dictionaries: the newest month first, and within a month critical alerts before warnings."""
    ordered = alerts.sort_values(["window_start", "severity", "kind", "subject"], ascending=[False, True, True, True])
    return ordered.to_dict("records")
