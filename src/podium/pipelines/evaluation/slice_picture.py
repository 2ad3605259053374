"""The picture of the candidate's performance by slice, such as each month."""

from collections.abc import Sequence
from textwrap import shorten

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.reports.figures import COLOURS, INK, MUTED, OBSERVED, canvas, legend, percent
from podium.reports.words import ReportWords

from .pictures import subtitle
from .records import Evaluation, Slice

__all__ = ["slices"]

MOST_VALUES = 24
FAINT = 0.3


def slices(found: Evaluation, words: ReportWords) -> Figure:
    """Draw the ROC AUC of each value of each slice, and beside it the mean score and the share of positives."""
    names = list(dict.fromkeys(part.slice for part in found.slices))
    parts = {name: _largest([part for part in found.slices if part.slice == name]) for name in names}
    heights = [len(parts[name]) + 0.4 for name in names]
    figure, axes = canvas(
        f"Where the candidate does well, and where it does not: by {', '.join(names)}",
        subtitle(found, words),
        size=(9.6, 0.25 * sum(heights) + 0.2 * len(names) + 1.4),
        grid=(len(names), 2),
        sharex="col",
        height_ratios=heights,
    )
    for name, ranking, meaning in zip(names, axes[::2], axes[1::2], strict=True):
        _ranking(ranking, parts[name], found.candidate.auc.value)
        _meaning(meaning, parts[name], words)
        # Values come from the data, so matplotlib must not parse their dollar signs as formulas.
        ranking.set_yticks(range(len(parts[name])), [_named(part) for part in parts[name]], parse_math=False)
        ranking.set_ylabel(name.capitalize(), weight="bold")
    axes[0].set_title("Ranking", loc="left", size=10, color=INK)
    axes[1].set_title("Meaning", loc="left", size=10, color=INK)
    axes[-2].set_xlabel("ROC AUC (line: all held-out rows)")
    axes[-1].set_xlabel(f"Share of {words.rows} (faint: too few to judge)")
    legend(axes[1], "lower right", bbox_to_anchor=(1.02, 0.99), ncols=2)
    figure.align_ylabels(axes[::2])
    return figure


def _named(part: Slice) -> str:
    return f"{shorten(part.value, 24, placeholder='...')}  ({part.rows:,})"


def _largest(parts: Sequence[Slice]) -> list[Slice]:
    most = sorted(parts, key=lambda part: -part.rows)[:MOST_VALUES]
    return [part for part in parts if part in most]


def _ranking(axis: Axes, parts: Sequence[Slice], overall: float | None) -> None:
    for y, part in enumerate(parts):
        if part.auc is None:
            axis.text(0.505, y, "too few, or all of one kind", size=7.5, color=MUTED, va="center", style="italic")
            continue
        axis.plot([overall or part.auc, part.auc], [y, y], color=COLOURS["candidate"], alpha=FAINT, linewidth=2)
        axis.plot(part.auc, y, "o", color=COLOURS["candidate"], markersize=6)
    if overall is not None:
        axis.axvline(overall, color=INK, linewidth=1)
    axis.set_xlim(min([0.5, *[part.auc - 0.02 for part in parts if part.auc is not None]]), 1.0)
    _lines(axis, parts)


def _meaning(axis: Axes, parts: Sequence[Slice], words: ReportWords) -> None:
    for y, part in enumerate(parts):
        alpha = FAINT if part.auc is None else 1.0
        ours = COLOURS["candidate"]
        axis.plot([part.positive_rate, part.mean_score], [y, y], color="#c9d1d9", linewidth=2, alpha=alpha)
        axis.plot(part.positive_rate, y, "o", color=OBSERVED, markersize=6, alpha=alpha)
        axis.plot(part.mean_score, y, "o", color=ours, mfc="white", mew=1.6, markersize=6, alpha=alpha)
    axis.plot([], [], "o", color=OBSERVED, label=f"were {words.positive}")
    axis.plot([], [], "o", color=COLOURS["candidate"], mfc="white", mew=1.6, label="mean score")
    axis.set_yticks(range(len(parts)), [])
    axis.set_xlim(0, 1)
    axis.xaxis.set_major_formatter(percent())
    _lines(axis, parts)


def _lines(axis: Axes, parts: Sequence[Slice]) -> None:
    """Set the y limits: the first value on top, and the same distance between values in every slice."""
    axis.set_ylim(len(parts) - 0.3, -0.7)
