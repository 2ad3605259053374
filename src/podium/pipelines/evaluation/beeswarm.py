"""The beeswarm plot of an explanation: each feature's contributions to the scores, coloured by its values."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from podium.reports.figures import COLOURS, INK, MUTED, canvas
from podium.reports.words import ReportWords

from .explain import Explanation

__all__ = ["beeswarm"]

MOST_FEATURES = 18
LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", ["#2a7fc0", "#b9a7c9", "#d4352b"])
NOT_A_NUMBER = "#aab3bc"


def beeswarm(explanation: Explanation, words: ReportWords) -> Figure:
    """Draw the most important features: a dot for each sampled row, coloured by the feature's value.

    ``explanation`` must have at least one feature.
    """
    shown = min(MOST_FEATURES, len(explanation.names))
    rows = len(explanation.contributions)
    figure, (bars, dots) = canvas(
        f"What makes the model expect {words.positive} {words.rows}",
        f"{shown} of {len(explanation.names)} features on {rows:,} held-out {words.rows}, by {explanation.method} "
        "(grey: value missing or not a number)",
        size=(10, max(0.31 * shown + 1.7, 3.2)),
        grid=(1, 2),
        width_ratios=[1, 2.6],
    )
    _bars(bars, explanation, shown)
    for y in range(shown):
        _dots(dots, y, explanation.contributions[:, y], explanation.values[:, y])
    dots.axvline(0, color=INK, linewidth=1)
    dots.set_yticks(range(shown), [])
    dots.set_ylim(shown - 0.4, -0.6)
    dots.set_xlabel(f"Added to the score, log-odds (right: more likely {words.positive})")
    _key(figure, dots)
    return figure


def _bars(axis: Axes, explanation: Explanation, shown: int) -> None:
    importance = explanation.importance[:shown]
    axis.barh(range(shown), importance, height=0.62, color=COLOURS["candidate"], alpha=0.85)
    for y, value in enumerate(importance):
        axis.text(value, y, f" {value:.2f}", va="center", size=8, color=MUTED)
    axis.set_yticks(range(shown), explanation.names[:shown])
    axis.tick_params(axis="y", labelcolor=INK)
    axis.set_ylim(shown - 0.4, -0.6)
    axis.margins(x=0.18)
    axis.set_xlabel("Mean distance from 0, log-odds")


def _dots(axis: Axes, y: int, contribution: np.ndarray, value: np.ndarray) -> None:
    """Draw the dots of one feature along a line. Where they are dense, spread them by a rule, not at random."""
    number = np.isfinite(value)
    colours = np.full((len(value), 4), 0.0)
    colours[~number] = to_rgba(NOT_A_NUMBER)
    colours[number] = LOW_TO_HIGH(_ranks(value[number]))
    axis.scatter(contribution, y + _spread(contribution), s=7, c=colours, linewidths=0, alpha=0.8, rasterized=True)


def _ranks(value: np.ndarray) -> np.ndarray:
    """Ranks from 0 to 1. With raw values, one outlier would give all other rows the same colour."""
    _, place = np.unique(value, return_inverse=True)
    return place / max(place.max(initial=0), 1)


def _spread(contribution: np.ndarray) -> np.ndarray:
    bins = 120
    low, high = contribution.min(), contribution.max()
    bin_of = np.minimum(((contribution - low) / max(high - low, 1e-12) * bins).astype(int), bins - 1)
    order = np.argsort(bin_of, kind="stable")
    size = np.bincount(bin_of, minlength=bins)
    place = np.empty(len(contribution))
    place[order] = np.arange(len(order)) - (np.cumsum(size) - size)[bin_of[order]]
    # Place the dots of a bin at 0, +1, -1, +2, -2, so that they spread from the middle to both sides.
    side = np.where(place % 2 == 0, -place / 2, (place + 1) / 2)
    return 0.4 * side / max(size.max() / 2, 1)


def _key(figure: Figure, axis: Axes) -> None:
    bar = figure.colorbar(ScalarMappable(cmap=LOW_TO_HIGH), ax=axis, aspect=40, pad=0.01, fraction=0.03)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.ax.tick_params(length=0, labelsize=8.5, colors=MUTED)
    bar.set_label("Value, by rank", size=8.5, color=MUTED)
    bar.outline.set_visible(False)
