"""Confidence intervals by a bootstrap over days.

Flights of one day share its weather and its queues: they are not independent, and resampling rows would claim more
than the data know. So whole days are drawn with replacement, as non-overlapping blocks of a series: Carlstein, "The
Use of Subseries Values for Estimating the Variance of a General Statistic from a Stationary Sequence", Annals of
Statistics 14, 1986; percentile intervals: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

A resample is a row of weights, how often each day was drawn, so that nothing is copied: metrics that are means are
products of weights and daily sums, and the AUC is a quadratic form in the weights.
"""

from typing import TypeAlias

import numpy as np

from .metrics import BINS, METRICS, bin_of, measure
from .records import Bin, Estimate, Scores

__all__ = ["Measured", "calibration_bins", "difference", "draw_days", "interval", "late_rate", "resample", "scores"]

TAILS = (0.025, 0.975)
# A model's figures, and each of its metrics on every resample.
Measured: TypeAlias = tuple[Scores, dict[str, np.ndarray]]


def draw_days(days: int, resamples: int, seed: int) -> np.ndarray:
    """How often each day occurs in each resample, float64 of shape (resamples, days); each row sums to ``days``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(days, np.full(days, 1 / days), size=resamples).astype(np.float64)


def resample(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric of ``METRICS`` on every resample, each of shape (resamples,); NaN where it is not defined.

    Args:
        label: 0 or 1, shape (n,).
        score: probabilities of 1, shape (n,).
        day: the number of each row's day, 0 to days - 1, shape (n,).
        draws: weights of the days, from ``draw_days``.
    """
    days = draws.shape[1]
    rows = draws @ np.bincount(day, minlength=days)
    # The smallest distance from 0 and 1 is that of scikit-learn's log_loss.
    likely = np.clip(np.where(label == 1, score, 1 - score), np.finfo(np.float64).eps, 1)
    gaps = np.bincount(day * BINS + bin_of(score), score - label, minlength=days * BINS).reshape(days, BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "auc": _auc(label, score, day, draws),
            "average_precision": _average_precision(label, score, day, draws),
            "log_loss": draws @ np.bincount(day, -np.log(likely), minlength=days) / rows,
            "brier": draws @ np.bincount(day, (score - label) ** 2, minlength=days) / rows,
            "calibration_error": np.abs(draws @ gaps).sum(axis=1) / rows,
        }


def _auc(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Share of pairs (positive, negative) in which the positive scores higher, ties by half.

    ``wins[a, b]`` counts them over the positives of day a and the negatives of day b. With weights w the weighted
    count is w' wins w: exact for every resample, with one look at the rows.
    """
    days = draws.shape[1]
    positive = label == 1
    ours, our_day = score[positive], day[positive]
    wins = np.empty((days, days))
    for other in range(days):
        theirs = np.sort(score[~positive & (day == other)])
        won = np.searchsorted(theirs, ours, side="left") + np.searchsorted(theirs, ours, side="right")
        wins[:, other] = np.bincount(our_day, won / 2, minlength=days)
    pairs = (draws @ np.bincount(our_day, minlength=days)) * (draws @ np.bincount(day[~positive], minlength=days))
    return np.einsum("ra,ab,rb->r", draws, wins, draws) / pairs


def _average_precision(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean precision over the positives, each at the threshold of its score (rows that tie share a threshold).

    ``taken[k, a]`` counts the rows of day a at or above threshold k, ``hits[k, a]`` the positives among them.
    """
    days = draws.shape[1]
    positive = label == 1
    thresholds = np.unique(score[positive])
    taken, hits = np.empty((len(thresholds), days)), np.empty((len(thresholds), days))
    for this in range(days):
        taken[:, this] = _at_least(thresholds, score[day == this])
        hits[:, this] = _at_least(thresholds, score[positive & (day == this)])
    found = np.full(len(draws), np.nan)
    for i, weights in enumerate(draws):
        found_here, taken_here = hits @ weights, taken @ weights
        if found_here.size and found_here[0] > 0:
            gained = found_here - np.append(found_here[1:], 0)
            found[i] = (gained * found_here / np.maximum(taken_here, 1)).sum() / found_here[0]
    return found


def _at_least(thresholds: np.ndarray, score: np.ndarray) -> np.ndarray:
    """How many scores are at or above each threshold."""
    return len(score) - np.searchsorted(np.sort(score), thresholds, side="left")


def interval(value: float, resampled: np.ndarray) -> Estimate:
    """The figure with its 95% percentile interval; resamples on which it is not defined are left out."""
    defined = resampled[np.isfinite(resampled)]
    if not np.isfinite(value):
        return Estimate(value=None)
    if not len(defined):
        return Estimate(value=value)
    low, high = np.quantile(defined, TAILS)
    return Estimate(value=value, low=float(low), high=float(high))


def scores(label: np.ndarray, score: np.ndarray, resampled: dict[str, np.ndarray]) -> Scores:
    """Every metric with its interval."""
    found = measure(label, score)
    return Scores(**{name: interval(found[name], resampled[name]) for name in METRICS})


def difference(ours: Measured, theirs: Measured) -> Scores:
    """Every metric of one model minus that of another, paired: both are taken on the same rows and the same draws.

    What moves both alike, a day that is hard for any model, cancels out; so the interval is narrower than those of
    the two metrics would suggest.
    """
    found = {}
    for name in METRICS:
        a, b = getattr(ours[0], name).value, getattr(theirs[0], name).value
        value = np.nan if a is None or b is None else a - b
        found[name] = interval(value, ours[1][name] - theirs[1][name])
    return Scores(**found)


def late_rate(label: np.ndarray, day: np.ndarray, draws: np.ndarray) -> Estimate:
    """The share of positive labels with its interval."""
    return _rate(label, day, draws)


def calibration_bins(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> tuple[Bin, ...]:
    """What became of the rows of each bin of the score, with intervals."""
    bins = bin_of(score)
    found = []
    for i in range(BINS):
        here = bins == i
        found.append(
            Bin(
                low=i / BINS,
                high=(i + 1) / BINS,
                rows=int(here.sum()),
                mean_score=float(score[here].mean()) if here.any() else None,
                late_rate=_rate(label[here], day[here], draws),
            )
        )
    return tuple(found)


def _rate(label: np.ndarray, day: np.ndarray, draws: np.ndarray) -> Estimate:
    if len(label) == 0:
        return Estimate(value=None)
    days = draws.shape[1]
    with np.errstate(invalid="ignore"):
        resampled = (draws @ np.bincount(day, label, minlength=days)) / (draws @ np.bincount(day, minlength=days))
    return interval(float(label.mean()), resampled)
