"""Alerts are raised for real changes and never for noise."""

import dataclasses

import pandas as pd
import pytest

from podium.errors import PodiumError
from podium.pipelines.monitoring.alerts import alerts
from podium.pipelines.monitoring.drift import drift
from podium.pipelines.monitoring.parameters import Levels, MonitoringParams, Tolerated
from podium.pipelines.monitoring.performance import performance

from .worlds import AS_OF, KEYS, world


@pytest.fixture
def raised(frames, reference, params):
    def raised(rows, as_of=AS_OF, params=params, reference=reference):
        found = drift(frames(rows), reference, as_of, params)
        did = performance(frames(rows), frames.labels(rows), as_of, keys=KEYS, params=params)
        return alerts(found, did, reference, as_of, params)

    return raised


@pytest.mark.parametrize("rows", [200, 1_000, 10_000])
def test_months_like_the_reference_raise_no_alert(rows, raised):
    months = [world(rows, f"2013-{m:02d}-01", f"2013-{m + 1:02d}-01", seed=7 * rows + m) for m in range(1, 11)]
    found = raised(pd.concat(months))
    assert found.empty, found["reason"].tolist()


def test_features_that_shift_raise_one_alert_that_names_them(raised):
    month = world(1_000, "2013-10-01", "2013-11-01", seed=2)
    month["size"] += 1
    (found,) = raised(month).to_dict("records")
    assert (found["kind"], found["severity"], found["subject"]) == ("feature_drift", "warning", "features")
    assert found["value"] > found["threshold"] == 0.1
    assert found["reason"].startswith("October 2013: 1 of 4 features differ from the training set, most of all size (")
    assert " of parcels instead of 10%)" in found["reason"]
    month["steps"] += 1
    (found,) = raised(month).to_dict("records")
    assert found["severity"] == "critical", "drift in half of the features must be critical"


def test_shifted_scores_raise_a_prediction_alert(raised):
    month = world(1_000, "2013-10-01", "2013-11-01", seed=2)
    month["score"] = month["score"] ** 2
    month["decision"] = (month["score"] > 0.4).astype(int)
    found = raised(month).set_index("kind").loc["prediction_drift"]
    assert found["severity"] == "critical"
    assert "decision (lost for " in found["reason"]


def test_a_model_that_ranks_worse_raises_a_performance_alert(raised):
    month = world(5_000, "2013-10-01", "2013-11-01", seed=2)
    month["label"] = month["label"].sample(frac=1, random_state=0).to_numpy()
    found = raised(month).set_index("kind").loc["performance"]
    assert (found["severity"], found["subject"]) == ("critical", "auc")
    assert found["value"] < found["threshold"] < 0.75 - 0.05
    assert "ROC AUC was 0.5" in found["reason"]


def test_scores_that_are_too_high_raise_a_calibration_alert(raised):
    month = world(5_000, "2013-10-01", "2013-11-01", seed=2)
    month["label"] *= month.index % 2
    found = raised(month).set_index("kind").loc["calibration"]
    assert found["severity"] == "critical"
    assert found["reason"].startswith(
        "October 2013: 14% of parcels were lost; the model expected 27% and was trained on 27%"
    )


def test_any_metric_can_have_a_tolerance(raised):
    judged = MonitoringParams(performance=Tolerated(auc=None, log_loss=Levels(warning=0.05, critical=0.5)))
    month = world(5_000, "2013-10-01", "2013-11-01", seed=2)
    month["label"] = 1 - month["label"]
    found = raised(month, params=judged).set_index("kind").loc["performance"]
    assert (found["subject"], found["severity"]) == ("log_loss", "critical")
    assert found["value"] > found["threshold"] > 0.55 + 0.5


def test_an_incomplete_month_raises_no_alert(raised):
    month = world(5_000, "2013-11-01", "2013-11-09", seed=2)
    month["size"] += 1
    month["label"] = 0
    assert raised(month).empty


def test_a_metric_that_the_evaluation_lacks_is_an_error(raised, reference):
    poor = dataclasses.replace(reference, metrics={"au": 0.7})
    with pytest.raises(PodiumError, match=r"auc \(did you mean 'au'\?\)"):
        raised(world(10, "2013-10-01", "2013-11-01", seed=2), reference=poor)


def test_alert_ids_are_unique_and_stable(raised):
    months = world(2_000, "2013-09-01", "2013-11-01", seed=2)
    months["size"] += 1
    found = raised(months)
    assert set(found["window_start"].dt.month) == {9, 10}
    assert found["alert_id"].is_unique
    later = raised(months, as_of=AS_OF + pd.Timedelta(days=5))
    assert later["alert_id"].tolist() == found["alert_id"].tolist()
    pd.testing.assert_frame_equal(found, raised(months))


def test_critical_below_warning_is_refused():
    with pytest.raises(ValueError, match="must be at least warning"):
        Levels(warning=0.2, critical=0.1)
