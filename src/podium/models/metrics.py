"""Metrics of predicted probabilities: how well they rank, and how well they are calibrated."""

from dataclasses import dataclass

import numpy as np

__all__ = ["BINS", "METRICS", "Metric", "bin_of", "calibration_error", "measure", "reliability"]

BINS = 10


@dataclass(frozen=True)
class Metric:
    """The title of a metric, and whether higher is better."""

    title: str
    higher_is_better: bool


METRICS = {
    "auc": Metric("ROC AUC", higher_is_better=True),
    "average_precision": Metric("Average precision", higher_is_better=True),
    "log_loss": Metric("Log loss", higher_is_better=False),
    "brier": Metric("Brier score", higher_is_better=False),
    "calibration_error": Metric("Calibration error", higher_is_better=False),
}


def measure(label: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """Compute every metric of ``METRICS``. A metric that is undefined, such as the ROC AUC of one class, is NaN.

    Args:
        label: 0 or 1, shape (n,).
        score: probabilities of 1, shape (n,).
    """
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    if len(label) == 0:
        return dict.fromkeys(METRICS, np.nan)
    both = label.min() != label.max()
    return {
        "auc": float(roc_auc_score(label, score)) if both else np.nan,
        "average_precision": float(average_precision_score(label, score)) if both else np.nan,
        "log_loss": float(log_loss(label, score, labels=[0, 1])),
        "brier": float(brier_score_loss(label, score, labels=[0, 1])),
        "calibration_error": calibration_error(label, score),
    }


def calibration_error(label: np.ndarray, score: np.ndarray) -> float:
    """Expected calibration error: |mean score - positive rate| in each of 10 equal bins, averaged over the rows.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015. Chance
    alone makes it positive, and more so with fewer rows.
    """
    bins = bin_of(score)
    return float(np.abs(np.bincount(bins, score - label, minlength=BINS)).sum() / len(label))


def bin_of(score: np.ndarray) -> np.ndarray:
    """The equal-width bin (0 to 9) of each score. A score on an edge is in the upper bin, a score of 1 in the last."""
    return np.searchsorted(np.arange(1, BINS) / BINS, score, side="right")


def reliability(label: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three arrays over the 10 score bins: rows, mean score, positive rate. The last two are NaN in an empty bin."""
    bins = bin_of(score)
    rows = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return (
            rows,
            np.bincount(bins, score, minlength=BINS) / rows,
            np.bincount(bins, label, minlength=BINS) / rows,
        )
