"""Metrics on bootstrap resamples of whole days, for confidence intervals.

Rows of the same day share its circumstances, so they are not independent, and resampling single rows would give
intervals that are too narrow. Whole days are drawn with replacement instead, as non-overlapping blocks of a series:
Carlstein, "The Use of Subseries Values for Estimating the Variance of a General Statistic from a Stationary Sequence",
Annals of Statistics 14, 1986.

A resample is a row of weights (how often each day was drawn), so no data is copied: a metric that is a mean is a
product of weights and daily sums, and the AUC is a quadratic form in the weights.
"""

import numpy as np

from .metrics import BINS, bin_of

__all__ = ["draw_days", "resample"]


def draw_days(days: int, resamples: int, seed: int) -> np.ndarray:
    """Draw how often each day occurs in each resample: shape (resamples, days). Each row sums to ``days``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(days, np.full(days, 1 / days), size=resamples).astype(np.float64)


def resample(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Compute every metric of ``METRICS`` on every resample, each of shape (resamples,); NaN where undefined.

    Args:
        label: 0 or 1, shape (n,).
        score: probabilities of 1, shape (n,).
        day: the number of each row's day, 0 to days - 1, shape (n,).
        draws: weights of the days, from ``draw_days``.
    """
    days = draws.shape[1]
    rows = draws @ np.bincount(day, minlength=days)
    # Clip scores by the same epsilon as scikit-learn's log_loss, so that both give the same loss.
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
    """ROC AUC of each resample: the share of (positive, negative) pairs in which the positive scores higher.

    A tie counts half.

    ``wins[a, b]`` counts these pairs for the positives of day a and the negatives of day b. With weights w, the
    weighted count is w' wins w, which is exact for every resample and needs only one pass over the rows.
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
    """Average precision of each resample: the mean of the precision at the score of each positive.

    Tied rows share a threshold.

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
    """For each threshold, the number of scores at or above it."""
    return len(score) - np.searchsorted(np.sort(score), thresholds, side="left")
