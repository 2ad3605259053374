"""Metrics with confidence intervals from a bootstrap over days.

Percentile intervals: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from typing import TypeAlias

import numpy as np

from podium.models.metrics import BINS, METRICS, bin_of, measure

from .records import Bin, Estimate, Scores

__all__ = ["Measured", "calibration_bins", "difference", "interval", "positive_rate", "scores"]

TAILS = (0.025, 0.975)
# A model's metrics with confidence intervals, and the values of each metric on all bootstrap resamples.
Measured: TypeAlias = tuple[Scores, dict[str, np.ndarray]]


def interval(value: float, resampled: np.ndarray) -> Estimate:
    """The value with its 95% percentile interval, from the resamples on which the metric is defined."""
    defined = resampled[np.isfinite(resampled)]
    if not np.isfinite(value):
        return Estimate(value=None)
    if not len(defined):
        return Estimate(value=value)
    low, high = np.quantile(defined, TAILS)
    return Estimate(value=value, low=float(low), high=float(high))


def scores(label: np.ndarray, score: np.ndarray, resampled: dict[str, np.ndarray]) -> Scores:
    """Every metric of a model, with its 95% confidence interval."""
    found = measure(label, score)
    return Scores(**{name: interval(found[name], resampled[name]) for name in METRICS})


def difference(ours: Measured, theirs: Measured) -> Scores:
    """The paired differences of two models' metrics: both are measured on the same rows and the same resamples.

    The effect of days that are hard for both models cancels out, so the interval of the difference is narrower than
    the intervals of the two metrics suggest.
    """
    found = {}
    for name in METRICS:
        a, b = getattr(ours[0], name).value, getattr(theirs[0], name).value
        value = np.nan if a is None or b is None else a - b
        found[name] = interval(value, ours[1][name] - theirs[1][name])
    return Scores(**found)


def positive_rate(label: np.ndarray, day: np.ndarray, draws: np.ndarray) -> Estimate:
    """The share of positive labels, with its 95% confidence interval."""
    return _rate(label, day, draws)


def calibration_bins(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> tuple[Bin, ...]:
    """The mean score and the share of positives in each bin of the score. The share has a confidence interval."""
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
                positive_rate=_rate(label[here], day[here], draws),
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
