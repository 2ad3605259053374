"""Metrics against naive implementations, and their edge cases."""

import numpy as np
import pytest

from podium.models.metrics import METRICS, bin_of, calibration_error, measure, reliability


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    score = np.round(rng.random(300), 2)  # rounded, so that there are ties
    return (rng.random(300) < score).astype(int), score


def naive_metrics(label: np.ndarray, score: np.ndarray) -> dict[str, float]:
    positive, negative = score[label == 1], score[label == 0]
    won = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    precision, recalled = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        flagged = score >= threshold
        recall = (label[flagged] == 1).sum() / len(positive)
        precision += (recall - recalled) * (label[flagged] == 1).mean()
        recalled = recall
    gap = 0.0
    for low in range(10):
        here = [i for i, s in enumerate(score) if low <= s * 10 < low + 1 or (low == 9 and s == 1)]
        gap += abs(sum(score[here]) - sum(label[here])) / len(score)
    return {
        "auc": won / (len(positive) * len(negative)),
        "average_precision": precision,
        "log_loss": -np.mean([np.log(s if y else 1 - s) for y, s in zip(label, score, strict=True)]),
        "brier": np.mean((score - label) ** 2),
        "calibration_error": gap,
    }


def test_metrics_equal_naive_implementations(scored):
    label, score = scored
    score = np.clip(score, 0.011, 0.989)
    assert measure(label, score) == pytest.approx(naive_metrics(label, score), abs=1e-12)


def test_metrics_know_which_way_is_better(scored):
    label, _ = scored
    good, bad = measure(label, np.where(label == 1, 0.9, 0.1)), measure(label, np.where(label == 1, 0.3, 0.7))
    for name, metric in METRICS.items():
        assert (good[name] > bad[name]) == metric.higher_is_better, name


def test_ranking_metrics_of_one_class_are_nan():
    found = measure(np.zeros(5, dtype=int), np.full(5, 0.2))
    assert np.isnan(found["auc"])
    assert np.isnan(found["average_precision"])
    assert found["log_loss"] == pytest.approx(-np.log(0.8))
    assert all(np.isnan(value) for value in measure(np.empty(0, dtype=int), np.empty(0)).values())


def test_calibration_error_of_true_probabilities_is_near_zero():
    rng = np.random.default_rng(1)
    p = rng.random(400_000)
    label = (rng.random(len(p)) < p).astype(int)
    assert calibration_error(label, p) < 0.003
    # A score that is 0.1 too high everywhere has an error of 0.1.
    assert calibration_error(label[p < 0.9], p[p < 0.9] + 0.1) == pytest.approx(0.1, abs=0.003)


def test_calibration_errors_of_bins_do_not_cancel_out():
    label = np.array([0] * 50 + [1] * 50)
    score = np.array([0.25] * 50 + [0.75] * 50)
    assert score.mean() == label.mean()
    assert calibration_error(label, score) == pytest.approx(0.25)


def test_an_edge_belongs_to_the_bin_above_and_a_score_of_one_to_the_last():
    assert bin_of(np.array([0.0, 0.0999, 0.1, 0.3, 0.7, 0.9, 1.0])).tolist() == [0, 0, 1, 3, 7, 9, 9]


def test_reliability_of_an_empty_bin_is_nan():
    rows, mean, rate = reliability(np.array([0, 1]), np.array([0.05, 0.05]))
    assert rows.tolist() == [2] + [0] * 9
    assert mean[0] == pytest.approx(0.05)
    assert rate[0] == 0.5
    assert np.isnan(mean[1:]).all()
