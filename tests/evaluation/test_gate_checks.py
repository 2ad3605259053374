"""Each check of the promotion gate can fail, and can fail alone."""

import math
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from podium.pipelines.evaluation.gate_checks import gate_checks
from podium.pipelines.evaluation.parameters import Thresholds
from podium.pipelines.evaluation.records import Check, Estimate, Scores, Slice, Window

WINDOW = Window(
    as_of=datetime(2013, 8, 1, tzinfo=UTC),
    first=datetime(2013, 7, 4, tzinfo=UTC),
    last=datetime(2013, 7, 30, tzinfo=UTC),
    days=27,
    trained_until=datetime(2013, 7, 3, tzinfo=UTC),
)
THRESHOLDS = Thresholds(
    min_rows=1_000,
    min_days=7,
    min_auc=0.70,
    max_log_loss=0.60,
    max_calibration_error=0.05,
    min_gain_over_baseline_auc=0.01,
    max_loss_to_champion_auc=0.005,
    min_slice_auc=0.60,
)


def estimate(value, low=None, high=None) -> Estimate:
    return Estimate(value=value, low=low, high=high)


def scores(**some) -> Scores:
    given = {"auc": 0.75, "average_precision": 0.5, "log_loss": 0.5, "brier": 0.15, "calibration_error": 0.02}
    made = {name: value if isinstance(value, Estimate) else estimate(value) for name, value in (given | some).items()}
    return Scores(**made)


def part(auc, value="AA") -> Slice:
    return Slice(
        slice="carrier",
        value=value,
        rows=500,
        positive_rate=0.2,
        mean_score=0.2,
        auc=auc,
        log_loss=None,
        calibration_gap=None,
    )


def judged(**other) -> dict[str, Check]:
    given = {
        "rows": 20_000,
        "window": WINDOW,
        "candidate": scores(),
        "gain_over_baseline": scores(auc=estimate(0.05, 0.02, 0.08)),
        "gain_over_champion": scores(auc=estimate(0.001, -0.004, 0.006)),
        "slices": (part(0.7), part(0.61, "UA"), part(None, "HA")),
    }
    return {check.name: check for check in gate_checks(THRESHOLDS, **(given | other))}


def window(**other) -> Window:
    return WINDOW.model_copy(update=other)


def test_a_good_candidate_passes_every_check():
    checks = judged()
    assert list(checks) == [
        "unseen",
        "enough_rows",
        "enough_days",
        "auc",
        "log_loss",
        "calibration_error",
        "gain_over_baseline",
        "worst_slice",
        "not_worse_than_champion",
    ]
    assert all(check.passed for check in checks.values())


FAILURES = {
    "unseen": [
        {"window": window(trained_until=WINDOW.first)},
        {"window": window(trained_until=datetime(2013, 7, 10, tzinfo=UTC))},
        {"window": window(trained_until=None)},
    ],
    "enough_rows": [{"rows": 999}],
    "enough_days": [{"window": window(days=6)}],
    "auc": [{"candidate": scores(auc=0.6999)}, {"candidate": scores(auc=None)}],
    "log_loss": [{"candidate": scores(log_loss=0.601)}, {"candidate": scores(log_loss=None)}],
    "calibration_error": [
        {"candidate": scores(calibration_error=0.051)},
        {"candidate": scores(calibration_error=None)},
    ],
    "gain_over_baseline": [
        {"gain_over_baseline": scores(auc=estimate(0.05, 0.009, 0.09))},
        {"gain_over_baseline": scores(auc=estimate(0.05, 0.01, 0.09))},
        {"gain_over_baseline": scores(auc=estimate(0.05))},
        {"gain_over_baseline": scores(auc=None)},
    ],
    "worst_slice": [{"slices": (part(0.7), part(0.599, "UA"))}, {"slices": (part(None),)}, {"slices": ()}],
    "not_worse_than_champion": [
        {"gain_over_champion": scores(auc=estimate(0.001, -0.0051, 0.01))},
        {"gain_over_champion": scores(auc=None)},
    ],
}


@pytest.mark.parametrize(("name", "other"), [(name, other) for name, cases in FAILURES.items() for other in cases])
def test_each_check_fails_alone(name, other):
    checks = judged(**other)
    assert [check.name for check in checks.values() if not check.passed] == [name]
    assert checks[name].reason.endswith(".")


def test_every_check_has_a_failing_case():
    assert set(FAILURES) == set(judged())


def test_the_worst_slice_is_named():
    reason = judged(slices=(part(0.7), part(0.55, "UA")))["worst_slice"].reason
    assert reason == "ROC AUC of the worst slice (carrier UA, 500 rows): 0.5500, at least 0.6000 needed."


def test_without_a_champion_there_is_no_comparison_with_it():
    assert "not_worse_than_champion" not in judged(gain_over_champion=None)


@pytest.mark.parametrize(
    "loose",
    [
        {"min_auc": 0.5},
        {"max_log_loss": math.log(2)},
        {"max_calibration_error": 0.5},
        {"min_gain_over_baseline_auc": -0.01},
        {"max_loss_to_champion_auc": 0.5},
        {"min_slice_auc": 0.4},
        {"min_days": 1},
        {"min_auc": math.nan},
        {"max_log_loss": math.nan},
        {"min_auk": 0.7},
    ],
)
def test_a_threshold_that_every_model_meets_is_refused(loose):
    with pytest.raises(ValidationError):
        Thresholds(**loose)


def test_a_check_is_frozen_and_holds_no_nan():
    check = judged()["auc"]
    with pytest.raises(ValidationError):
        check.passed = False
    with pytest.raises(ValidationError):
        Check(name="x", passed=True, value=math.nan, threshold=0.5, reason="")
