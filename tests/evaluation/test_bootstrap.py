"""The bootstrap over days: resamples, intervals and their coverage."""

import numpy as np
import pytest

from podium.models import bootstrap
from podium.models.metrics import METRICS, measure
from podium.pipelines.evaluation import estimates

from .conftest import make_rows


def arrays(rows, score="p"):
    day = rows["prediction_time"].dt.normalize().rank(method="dense").astype(int).to_numpy() - 1
    return rows["label"].to_numpy(), rows[score].to_numpy(), day


def test_a_weighted_resample_equals_the_metrics_of_copied_rows(rows):
    label, score, day = arrays(rows)
    score = np.round(score, 2)  # ties within and between days
    draws = bootstrap.draw_days(28, 10, seed=3)
    found = bootstrap.resample(label, score, day, draws)
    for i, weights in enumerate(draws):
        copied = np.concatenate([np.flatnonzero(day == d) for d in range(28) for _ in range(int(weights[d]))])
        expected = measure(label[copied], score[copied])
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


def test_each_resample_has_as_many_days_as_the_data():
    draws = bootstrap.draw_days(28, 500, seed=1)
    assert draws.shape == (500, 28)
    assert set(draws.sum(axis=1)) == {28.0}
    assert draws.mean() == 1


def test_the_seed_determines_the_resamples(rows):
    label, score, day = arrays(rows)

    def run(seed):
        return bootstrap.resample(label, score, day, bootstrap.draw_days(28, 100, seed))

    first, again, other = run(1), run(1), run(2)
    for name in METRICS:
        assert first[name].tobytes() == again[name].tobytes()
        assert first[name].tobytes() != other[name].tobytes()


def test_the_interval_covers_the_truth():
    """About 95% of the intervals by days cover the true figure. Intervals that resample rows cover it less often."""
    label, score, _ = arrays(make_rows(seed=99, days=8_000, a_day=80), "own_score")
    truth, samples = measure(label, score), 150
    held = {(name, blocks): 0 for name in ("auc", "log_loss") for blocks in ("days", "rows")}
    for seed in range(samples):
        label, score, day = arrays(make_rows(seed=seed, days=28, a_day=80), "own_score")
        draws = bootstrap.draw_days(28, 200, seed)
        for blocks, of in {"days": day, "rows": np.random.default_rng(seed).permutation(day)}.items():
            found = estimates.scores(label, score, bootstrap.resample(label, score, of, draws))
            for name in ("auc", "log_loss"):
                estimate = getattr(found, name)
                held[name, blocks] += estimate.low <= truth[name] <= estimate.high
    assert held["auc", "days"] / samples >= 0.9
    assert held["log_loss", "days"] / samples >= 0.88
    assert held["log_loss", "rows"] / samples <= 0.8


def test_the_positive_rate_has_a_wider_interval_by_days_than_by_rows(rows):
    label, _, day = arrays(rows)
    draws = bootstrap.draw_days(28, 500, seed=1)
    by_day = estimates.positive_rate(label, day, draws)
    by_row = estimates.positive_rate(label, np.random.default_rng(0).permutation(day), draws)
    assert by_day.value == by_row.value == pytest.approx(label.mean())
    assert by_day.high - by_day.low > 1.5 * (by_row.high - by_row.low)


def test_a_paired_difference_has_a_narrower_interval_than_its_parts(rows):
    label, score, day = arrays(rows)
    near = np.clip(score + 0.02 * np.sin(np.arange(len(score))), 0, 1)
    draws = bootstrap.draw_days(28, 200, seed=1)
    measured = []
    for values in (score, near):
        resampled = bootstrap.resample(label, values, day, draws)
        measured.append((estimates.scores(label, values, resampled), resampled))
    gain = estimates.difference(*measured)
    ours, theirs = measured[0][0].auc, measured[1][0].auc
    assert gain.auc.value == pytest.approx(ours.value - theirs.value)
    assert gain.auc.low <= gain.auc.value <= gain.auc.high
    assert gain.auc.high - gain.auc.low < (ours.high - ours.low) / 4
    same = estimates.difference(measured[0], measured[0])
    assert same.log_loss.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_resamples_without_a_positive_are_left_out():
    label, score, day = np.array([1, 0, 0, 0]), np.array([0.9, 0.2, 0.3, 0.1]), np.array([0, 0, 1, 2])
    resampled = bootstrap.resample(label, score, day, bootstrap.draw_days(3, 200, seed=1))
    assert np.isnan(resampled["auc"]).any()
    assert np.isnan(resampled["average_precision"]).tolist() == np.isnan(resampled["auc"]).tolist()
    found = estimates.scores(label, score, resampled)
    assert (found.auc.low, found.auc.value, found.auc.high) == (1.0, 1.0, 1.0)


def test_rows_of_one_class_have_no_auc_and_no_interval():
    label, score, day = np.zeros(6, dtype=int), np.linspace(0.1, 0.6, 6), np.repeat([0, 1], 3)
    found = estimates.scores(label, score, bootstrap.resample(label, score, day, bootstrap.draw_days(2, 100, seed=1)))
    assert found.auc.model_dump() == {"value": None, "low": None, "high": None}
    assert found.brier.value is not None


def test_calibration_bins_count_every_row_once(rows):
    label, score, day = arrays(rows)
    score = np.minimum(score, 0.79)  # nothing in the last two bins
    bins = estimates.calibration_bins(label, score, day, bootstrap.draw_days(28, 200, seed=1))
    assert sum(part.rows for part in bins) == len(rows)
    first = label[score < 0.1]
    assert bins[0].positive_rate.value == pytest.approx(first.mean())
    assert bins[0].positive_rate.low < first.mean() < bins[0].positive_rate.high
    assert (bins[9].rows, bins[9].mean_score, bins[9].positive_rate.value) == (0, None, None)
