"""Pictures of a model's performance on the held-out rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.models.metrics import reliability
from podium.reports.figures import COLOURS, MUTED, OBSERVED, canvas, counts, legend, percent
from podium.reports.words import ReportWords

from .records import Estimate, Evaluation

__all__ = ["Scored", "calibration", "precision_recall", "roc", "subtitle"]

# Curves leave out points that are computed from fewer rows than this: such points are mostly noise.
FEW = 50


@dataclass(frozen=True)
class Scored:
    """The labels of the held-out rows, and the scores of ``candidate``, ``baseline`` and, if any, ``champion``."""

    label: np.ndarray
    scores: Mapping[str, np.ndarray]

    def drawn(self) -> list[tuple[str, np.ndarray]]:
        """Models and scores in drawing order: the candidate last, so that its curve is on top."""
        return sorted(self.scores.items(), key=lambda item: list(COLOURS).index(item[0]), reverse=True)


def subtitle(found: Evaluation, words: ReportWords) -> str:
    """The subtitle of a picture: number of rows, first and last day, share of positives."""
    first, last = found.window.first, found.window.last
    rate = "" if found.positive_rate.value is None else f", {found.positive_rate.value:.1%} {words.positive}"
    return f"{found.rows:,} held-out {words.rows} of {first:%d %b %Y} to {last:%d %b %Y}{rate}"


def roc(scored: Scored, found: Evaluation, words: ReportWords) -> Figure:
    """Draw the ROC curve of each model, with the area under the curve in the legend."""
    from sklearn.metrics import roc_curve

    title = f"How well the score separates {words.positive} {words.rows} from the others"
    figure, (axis,) = canvas(title, subtitle(found, words), size=(6.6, 6.4))
    axis.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label="a coin: 0.500")
    for who, score in scored.drawn():
        fall_out, recall, _ = roc_curve(scored.label, score)
        axis.plot(fall_out, recall, label=_named(found, who, "auc"), **_line(who))
    axis.set(xlabel=f"Share of the other {words.rows} flagged (false positive rate)")
    axis.set(ylabel=f"Share of {words.positive} {words.rows} found (true positive rate)")
    _unit_square(axis)
    legend(axis, "lower right", "ROC AUC (95% interval)")
    return figure


def precision_recall(scored: Scored, found: Evaluation, words: ReportWords) -> Figure:
    """Draw precision against recall, with the share of positives as the no-skill line."""
    from sklearn.metrics import precision_recall_curve

    title = f"What it costs to find {words.positive} {words.rows}"
    figure, (axis,) = canvas(title, subtitle(found, words), size=(6.6, 6.4))
    rate = found.positive_rate.value or 0.0
    axis.axhline(rate, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label=f"flagging at random: {rate:.3f}")
    for who, score in scored.drawn():
        precision, recall, _ = precision_recall_curve(scored.label, score)
        steady = recall * scored.label.sum() >= FEW
        axis.plot(recall[steady], precision[steady], label=_named(found, who, "average_precision"), **_line(who))
    axis.set(xlabel=f"Share of {words.positive} {words.rows} found (recall)")
    axis.set(ylabel=f"Share of flagged {words.rows} that were {words.positive} (precision)")
    _unit_square(axis)
    legend(axis, "upper right", "Average precision (95% interval)")
    return figure


def calibration(scored: Scored, found: Evaluation, words: ReportWords) -> Figure:
    """Draw the calibration curve of each model above a histogram of the candidate's scores."""
    title = f"Does a score of 30% mean {words.positive} three times in ten?"
    figure, (top, bottom) = canvas(
        title, subtitle(found, words), size=(6.6, 7.2), grid=(2, 1), height_ratios=[3, 1], sharex="col"
    )
    top.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label="perfect")
    for who, score in scored.drawn():
        rows, mean, rate = reliability(scored.label, score)
        keep = rows >= FEW
        style = _line(who) | {"marker": "o", "markersize": 5 if who == "candidate" else 3.5}
        top.plot(mean[keep], rate[keep], label=_named(found, who, "calibration_error"), **style)
    _whiskers(top, found)
    top.set(ylabel=f"Share that were {words.positive}", xlim=(0, 1), ylim=(0, 1.01))
    top.yaxis.set_major_formatter(percent())
    legend(top, "upper left", "Calibration error (95% interval)")
    _histogram(bottom, scored, words)
    return figure


def _whiskers(axis: Axes, found: Evaluation) -> None:
    for part in found.calibration:
        rate = part.positive_rate
        if part.mean_score is None or rate.value is None or rate.low is None or rate.high is None:
            continue
        colour = COLOURS["candidate"]
        axis.plot([part.mean_score] * 2, [rate.low, rate.high], color=colour, linewidth=5, alpha=0.18, zorder=1.5)


def _histogram(axis: Axes, scored: Scored, words: ReportWords) -> None:
    score, positive = scored.scores["candidate"], scored.label == 1
    axis.hist(
        [score[positive], score[~positive]],
        bins=np.linspace(0, 1, 41).tolist(),
        stacked=True,
        rwidth=0.92,
        color=[OBSERVED, "#b9cfe2"],
        label=[words.positive, words.negative],
    )
    axis.set(xlabel=f"Score of the candidate (probability of {words.positive})", ylabel=words.rows.capitalize())
    axis.xaxis.set_major_formatter(percent())
    axis.yaxis.set_major_formatter(counts())
    legend(axis, "upper right")


def _named(found: Evaluation, who: str, metric: str) -> str:
    return f"{who} ({found.algorithms[who]}): {_figure(getattr(getattr(found, who), metric))}"


def _figure(estimate: Estimate) -> str:
    if estimate.value is None:
        return "not defined"
    span = "" if estimate.low is None or estimate.high is None else f" ({estimate.low:.3f} to {estimate.high:.3f})"
    return f"{estimate.value:.3f}{span}"


def _line(who: str) -> dict[str, Any]:
    return {"color": COLOURS[who], "linewidth": 2.4 if who == "candidate" else 1.7}


def _unit_square(axis: Axes) -> None:
    axis.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
    axis.xaxis.set_major_formatter(percent())
    axis.yaxis.set_major_formatter(percent())
