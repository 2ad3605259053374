"""Pictures of a model's performance on the held-out rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from .canvas import COLOURS, INK, MUTED, OBSERVED, canvas, counts, percent
from .metrics import reliability
from .records import Estimate, Evaluation
from .verdict import Words

__all__ = ["Scored", "calibration", "precision_recall", "roc", "slices"]

MOST_VALUES = 24


@dataclass(frozen=True)
class Scored:
    """The held-out rows with the scores of each model: ``candidate``, ``baseline`` and maybe ``champion``."""

    label: np.ndarray
    scores: Mapping[str, np.ndarray]

    def drawn(self) -> list[tuple[str, np.ndarray]]:
        """Models and scores, the candidate last, so that it lies on top."""
        return sorted(self.scores.items(), key=lambda item: list(COLOURS).index(item[0]), reverse=True)


def roc(scored: Scored, found: Evaluation, words: Words) -> Figure:
    """ROC curves with their areas."""
    title = f"How well the score tells {words.positive} {words.rows} from {words.negative} ones"
    figure, (axis,) = canvas(title, _subtitle(found, words), size=(6.6, 6.4))
    for who, score in scored.drawn():
        fall_out, recall, _ = roc_curve(scored.label, score)
        axis.plot(fall_out, recall, label=_named(found, who, "auc"), **_line(who))
    axis.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label="a coin: 0.500")
    axis.set(xlabel=f"Share of {words.negative} {words.rows} flagged (false positive rate)")
    axis.set(ylabel=f"Share of {words.positive} {words.rows} found (true positive rate)")
    _unit_square(axis)
    _legend(axis, "ROC AUC (95% interval)", "lower right")
    return figure


def precision_recall(scored: Scored, found: Evaluation, words: Words) -> Figure:
    """Precision against recall, with the late rate as the line of no skill."""
    title = f"What it costs to find {words.positive} {words.rows}"
    figure, (axis,) = canvas(title, _subtitle(found, words), size=(6.6, 6.4))
    for who, score in scored.drawn():
        precision, recall, _ = precision_recall_curve(scored.label, score)
        # The first thresholds rest on a handful of rows, and would draw a saw across the picture.
        steady = recall * scored.label.sum() >= 20
        axis.plot(recall[steady], precision[steady], label=_named(found, who, "average_precision"), **_line(who))
    rate = found.late_rate.value or 0.0
    axis.axhline(rate, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label=f"flagging at random: {rate:.3f}")
    axis.set(xlabel=f"Share of {words.positive} {words.rows} found (recall)")
    axis.set(ylabel=f"Share of flagged {words.rows} that were {words.positive} (precision)")
    _unit_square(axis)
    _legend(axis, "Average precision (95% interval)", "upper right")
    return figure


def calibration(scored: Scored, found: Evaluation, words: Words) -> Figure:
    """What became of the rows of each bin of the score, above a histogram of the scores."""
    title = f"Does a score of 30% mean {words.positive} three times in ten?"
    figure, (top, bottom) = canvas(
        title, _subtitle(found, words), size=(6.6, 7.2), grid=(2, 1), height_ratios=[3, 1], sharex="col"
    )
    top.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label="perfect")
    for who, score in scored.drawn():
        _, mean, rate = reliability(scored.label, score)
        keep = np.isfinite(mean)
        style = _line(who) | {"marker": "o", "markersize": 5 if who == "candidate" else 3.5}
        top.plot(mean[keep], rate[keep], label=_named(found, who, "calibration_error"), **style)
    _whiskers(top, found)
    top.set(ylabel=f"Share that were {words.positive}", xlim=(0, 1), ylim=(0, 1))
    top.yaxis.set_major_formatter(percent())
    _legend(top, "Calibration error (95% interval)", "upper left")
    _histogram(bottom, scored, words)
    return figure


def _whiskers(axis: Axes, found: Evaluation) -> None:
    for part in found.calibration:
        rate = part.late_rate
        if part.mean_score is None or rate.value is None or rate.low is None or rate.high is None:
            continue
        colour = COLOURS["candidate"]
        axis.plot([part.mean_score] * 2, [rate.low, rate.high], color=colour, linewidth=5, alpha=0.18, zorder=1.5)


def _histogram(axis: Axes, scored: Scored, words: Words) -> None:
    score, late = scored.scores["candidate"], scored.label == 1
    bins = np.linspace(0, 1, 41)
    stacked = {"stacked": True, "bins": bins, "rwidth": 0.92}
    axis.hist(
        [score[late], score[~late]], color=[OBSERVED, "#b9cfe2"], label=[words.positive, words.negative], **stacked
    )  # type: ignore[arg-type]
    axis.set(xlabel=f"Score of the candidate (probability of {words.positive})", ylabel=words.rows.capitalize())
    axis.xaxis.set_major_formatter(percent())
    axis.yaxis.set_major_formatter(counts())
    _legend(axis, None, "upper right")


def slices(found: Evaluation, words: Words) -> Figure:
    """For each value of each slice: how well the score ranks, and whether it means what it says."""
    names = list(dict.fromkeys(part.slice for part in found.slices))
    parts = {name: _largest([part for part in found.slices if part.slice == name]) for name in names}
    heights = [len(parts[name]) + 1.2 for name in names]
    figure, axes = canvas(
        f"Where the candidate does well, and where it does not: by {', '.join(names)}",
        _subtitle(found, words),
        size=(9.6, 0.23 * sum(heights) + 1.4),
        grid=(len(names), 2),
        height_ratios=heights,
        sharex="col",
    )
    for i, name in enumerate(names):
        _ranking(axes[2 * i], name, parts[name], found)
        _meaning(axes[2 * i + 1], parts[name], words)
    axes[0].set_title("Ranking: ROC AUC", loc="left", size=10, color=INK)
    axes[1].set_title(f"Meaning: share {words.positive}", loc="left", size=10, color=INK)
    axes[-2].set_xlabel("ROC AUC (line: all rows)")
    axes[-1].set_xlabel(f"Share {words.positive}, share the score expected")
    _legend(axes[1], None, "best")
    return figure


def _largest(parts: list[Any]) -> list[Any]:
    most = sorted(parts, key=lambda part: -part.rows)[:MOST_VALUES]
    return [part for part in parts if part in most]


def _ranking(axis: Axes, name: str, parts: list[Any], found: Evaluation) -> None:
    overall = found.candidate.auc.value
    for y, part in enumerate(parts):
        if part.auc is None:
            axis.text(0.502, y, "too few to say", size=7.5, color=MUTED, va="center", style="italic")
            continue
        axis.plot([overall or part.auc, part.auc], [y, y], color=COLOURS["candidate"], alpha=0.35, linewidth=2)
        axis.plot(part.auc, y, "o", color=COLOURS["candidate"], markersize=6)
    if overall is not None:
        axis.axvline(overall, color=INK, linewidth=1)
    _values(axis, [f"{part.value}  ({part.rows:,})" for part in parts])
    axis.set_ylabel(name.capitalize(), weight="bold")
    axis.set_xlim(0.5, 1.0)


def _meaning(axis: Axes, parts: list[Any], words: Words) -> None:
    y = np.arange(len(parts))
    late, expected = [part.late_rate for part in parts], [part.mean_score for part in parts]
    axis.hlines(y, late, expected, color="#c9d1d9", linewidth=2)
    axis.plot(late, y, "o", color=OBSERVED, markersize=6, label=f"were {words.positive}", linestyle="none")
    style = {"markerfacecolor": "white", "markeredgewidth": 1.6, "markersize": 6, "linestyle": "none"}
    axis.plot(expected, y, "o", color=COLOURS["candidate"], label="mean score", **style)  # type: ignore[arg-type]
    _values(axis, [])
    axis.set_xlim(0, 1)
    axis.xaxis.set_major_formatter(percent())


def _values(axis: Axes, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names) if names else axis.set_yticklabels([])
    axis.margins(y=0.08)
    axis.invert_yaxis()


def _subtitle(found: Evaluation, words: Words) -> str:
    first, last = found.window.first, found.window.last
    rate = "" if found.late_rate.value is None else f", {found.late_rate.value:.1%} {words.positive}"
    return f"{found.rows:,} held-out {words.rows} of {first:%d %b %Y} to {last:%d %b %Y}{rate}"


def _named(found: Evaluation, who: str, metric: str) -> str:
    algorithm = {"candidate": found.algorithm, "baseline": found.baseline_algorithm}.get(who)
    model = f"{who} ({algorithm})" if algorithm else who
    return f"{model}: {_figure(getattr(getattr(found, who), metric))}"


def _figure(estimate: Estimate) -> str:
    if estimate.value is None:
        return "not defined"
    span = "" if estimate.low is None or estimate.high is None else f" ({estimate.low:.3f}-{estimate.high:.3f})"
    return f"{estimate.value:.3f}{span}"


def _line(who: str) -> dict[str, Any]:
    return {"color": COLOURS[who], "linewidth": 2.4 if who == "candidate" else 1.7}


def _unit_square(axis: Axes) -> None:
    axis.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
    axis.xaxis.set_major_formatter(percent())
    axis.yaxis.set_major_formatter(percent())


def _legend(axis: Axes, title: str | None, place: str) -> None:
    legend = axis.legend(loc=place, title=title, fontsize=8.5, title_fontsize=8.5, frameon=True, reverse=True)
    legend.get_frame().set(edgecolor="none", facecolor="white", alpha=0.85)
    legend.get_title().set_color(MUTED)
    legend._legend_box.align = "left"  # type: ignore[attr-defined]
