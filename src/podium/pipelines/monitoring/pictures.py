"""The pictures of the monitoring page. Each function draws into a figure and returns nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from podium.models.metrics import METRICS
from podium.reports.figures import INK, SURFACE

from .parameters import MonitoringParams

__all__ = ["SCORE_BINS", "draw_drift", "draw_quality", "draw_rates", "draw_scores"]

SCORE_BINS = 20
COLUMNS = 6
# A PSI of at least this multiple of the critical level has a colour of its own: the distributions hardly overlap.
FAR = 4
HEAT = ["#8a94a322", "#f6c667", "#e98a3d", "#b3361f"]
TEXT = [INK, "#141414", "#141414", "#ffffff"]


def draw_scores(figure: Figure, shares: Mapping[pd.Timestamp, np.ndarray], held_out: np.ndarray) -> None:
    """Draw the scores of each month (filled) and at evaluation (line) as shares of rows in equal bins of [0, 1]."""
    rows = -(-len(shares) // COLUMNS)
    panels = figure.subplots(rows, min(COLUMNS, len(shares)), sharex=True, sharey=True, squeeze=False).ravel()
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    for axes, (month, share) in zip(panels, shares.items(), strict=False):
        axes.stairs(share, edges, fill=True, color="C0", alpha=0.75, label="this month")
        axes.stairs(held_out, edges, color="C1", linewidth=1.6, label="at evaluation")
        axes.set_title(f"{month:%B %Y}", loc="left")
        axes.yaxis.set_major_formatter(_percent)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1])
    for axes in panels[len(shares) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(shares) - COLUMNS) : len(shares)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("score")
    panels[0].legend()


def draw_rates(figure: Figure, months: pd.DataFrame, trained_rate: float, params: MonitoringParams) -> None:
    """Draw the share of positive labels against the mean score, month by month."""
    axes = figure.subplots()
    at = np.arange(len(months))
    axes.bar(at, months["positive_rate"], width=0.6, color="C0", alpha=0.75, label=f"{params.words.positive}, observed")
    axes.plot(at, months["mean_score"], color="C1", marker="o", linewidth=2, label="mean score")
    axes.axhline(trained_rate, color="C4", linestyle="--", linewidth=1.4, label="in the training set")
    axes.yaxis.set_major_formatter(_percent)
    axes.set_ylim(bottom=0, top=1.25 * months[["positive_rate", "mean_score"]].max().max(skipna=True))
    axes.legend(ncols=3, loc="upper left")
    _label_months(axes, months)


def draw_quality(figure: Figure, months: pd.DataFrame, reference: Mapping[str, float]) -> None:
    """Draw ROC AUC and log loss by month, with bars of two standard errors, and a line for the value at evaluation."""
    for axes, metric in zip(figure.subplots(2, 1, sharex=True), ("auc", "log_loss"), strict=True):
        at, error = np.arange(len(months)), 2 * months[f"{metric}_error"]
        axes.errorbar(at, months[metric], _bars(error), color="C0", marker="o", linewidth=2, capsize=4)
        if metric in reference:
            axes.axhline(reference[metric], color="C1", linestyle="--", linewidth=1.4, label="at evaluation")
            axes.legend(loc="best")
        better = "higher" if METRICS[metric].higher_is_better else "lower"
        axes.set_title(f"{METRICS[metric].title} ({better} is better)", loc="left")
        axes.margins(x=0.08, y=0.15)
        _label_months(axes, months)


def _bars(error: pd.Series) -> np.ndarray:
    """The lengths of error bars, 0 if the error is unknown."""
    return error.fillna(0).to_numpy()


def draw_drift(figure: Figure, psi: pd.DataFrame, params: MonitoringParams) -> None:
    """Draw a heat map of the PSI: one row for each subject, one column for each month, one colour for each level."""
    values = psi.to_numpy(dtype=np.float64)
    level = np.digitize(values, [params.psi.warning, params.psi.critical, FAR * params.psi.critical])
    axes = figure.subplots()
    axes.pcolormesh(
        np.ma.array(level, mask=np.isnan(values)),
        cmap=ListedColormap(HEAT),
        vmin=0,
        vmax=len(HEAT) - 1,
        edgecolors=SURFACE,
        linewidth=1.5,
    )
    for row, column in np.argwhere(np.isfinite(values)):
        text = f"{values[row, column]:.2f}"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=TEXT[level[row, column]])
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(psi)) + 0.5, psi.index)
    axes.set_xticks(np.arange(len(psi.columns)) + 0.5, [f"{month:%b %Y}" for month in psi.columns])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _label_months(axes: Axes, months: pd.DataFrame) -> None:
    texts = [f"{row.window_start:%b %Y}" + ("" if row.complete else "\n(so far)") for row in months.itertuples()]
    axes.set_xticks(np.arange(len(months)), texts)
    axes.grid(visible=False, axis="x")


def _percent(value: float, _position: Any) -> str:
    return f"{value:.0%}"
