"""Performance by month, computed from labels known at ``as_of``."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from podium.models.metrics import calibration_error
from podium.pipelines.monitoring.performance import calibration_noise, performance

from .worlds import AS_OF, KEYS, world


def measured(frames, rows, params, as_of=None, labels=None):
    known = rows if labels is None else labels
    return performance(frames(rows), frames.labels(known), as_of or AS_OF, keys=KEYS, params=params)


def test_the_figures_of_a_month_agree_with_scikit_learn(frames, params):
    month = world(3_000, "2013-10-01", "2013-11-01", seed=3)
    (found,) = measured(frames, month, params).to_dict("records")
    assert found["window_start"] == pd.Timestamp("2013-10-01", tz="UTC")
    assert found["complete"]
    assert (found["predictions"], found["labelled"], found["days"]) == (3_000, 3_000, 31)
    assert found["positive_rate"] == pytest.approx(month["label"].mean())
    assert found["mean_score"] == pytest.approx(month["score"].mean())
    label, score = month["label"], month["score"]
    assert found["auc"] == pytest.approx(roc_auc_score(label, score))
    assert found["average_precision"] == pytest.approx(average_precision_score(label, score))
    assert found["log_loss"] == pytest.approx(log_loss(label, score))
    assert found["brier"] == pytest.approx(brier_score_loss(label, score))
    assert found["brier_error"] == pytest.approx(((label - score) ** 2).std() / np.sqrt(3_000), rel=0.25)
    assert found["calibration_error"] == pytest.approx(calibration_error(label.to_numpy(), score.to_numpy()))


def test_labels_unknown_at_as_of_change_nothing(frames, params):
    months = world(2_000, "2013-10-01", "2013-11-20", seed=4)
    other = months.copy()
    unknown = other["label_available_at"] > pd.Timestamp(AS_OF)
    other.loc[unknown, "label"] = 1 - other.loc[unknown, "label"]
    found = measured(frames, months, params)
    pd.testing.assert_frame_equal(found, measured(frames, months, params, labels=other))
    pd.testing.assert_frame_equal(found, measured(frames, months, params, labels=other[~unknown]))
    november = found.iloc[1]
    by_then = months["prediction_time"].between(pd.Timestamp("2013-11-01", tz="UTC"), pd.Timestamp(AS_OF))
    assert november["predictions"] == by_then.sum()
    assert november["labelled"] == (by_then & ~unknown).sum()
    assert not november["complete"]


def test_a_month_is_complete_after_the_wait_for_its_labels(frames, params):
    month = world(300, "2013-10-01", "2013-11-01", seed=5)
    end = pd.Timestamp("2013-11-03", tz="UTC")
    assert measured(frames, month, params, as_of=end.to_pydatetime())["complete"].all()
    before = (end - pd.Timedelta(seconds=1)).to_pydatetime()
    assert not measured(frames, month, params, as_of=before)["complete"].any()


def test_the_result_does_not_depend_on_the_order_of_rows(frames, params):
    month = world(2_000, "2013-10-01", "2013-11-01", seed=6)
    shuffled = month.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(measured(frames, month, params), measured(frames, shuffled, params), check_exact=True)


def test_model_versions_are_measured_separately(frames, params):
    one = world(300, "2013-10-01", "2013-11-01", seed=7)
    two = one.assign(model_version="2", score=1 - one["score"])
    both = measured(frames, pd.concat([one, two]), params, labels=one)
    assert both["model_version"].tolist() == ["1", "2"]
    assert both["auc"].sum() == pytest.approx(1)


def test_a_month_of_one_class_has_no_auc(frames, params):
    month = world(300, "2013-10-01", "2013-11-01", seed=8).assign(label=0)
    (found,) = measured(frames, month, params).to_dict("records")
    assert np.isnan([found["auc"], found["auc_error"], found["average_precision"]]).all()
    assert found["log_loss"] > 0


def test_a_month_without_labels_has_no_metrics(frames, params):
    month = world(300, "2013-10-01", "2013-11-01", seed=8)
    (found,) = measured(frames, month, params, labels=month[:0]).to_dict("records")
    assert (found["predictions"], found["labelled"]) == (300, 0)
    assert np.isnan(found["auc"])


def test_no_predictions_give_no_rows(frames, params):
    rows = world(10, "2013-10-01", "2013-11-01", seed=9)
    found = performance(frames(rows).limit(0), frames.labels(rows), AS_OF, keys=KEYS, params=params)
    assert found.empty


@pytest.mark.parametrize("rows", [200, 5_000])
@pytest.mark.parametrize("narrow", [True, False])
def test_calibration_noise_covers_chance(rows, narrow):
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(500):
        score = rng.uniform(0.22, 0.28, rows) if narrow else rng.beta(1.5, 4, rows)
        label = (rng.random(rows) < score).astype(float)
        beyond += calibration_error(label, score) > calibration_noise(label, score, rng.integers(0, 30, rows))
    assert beyond / 500 <= 0.015
