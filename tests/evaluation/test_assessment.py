"""The evaluation of a candidate: held-out rows, figures, checks, explanations and pictures."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from podium.models.fitting import fit
from podium.models.metrics import measure
from podium.pipelines.evaluation import assessment
from podium.pipelines.evaluation.parameters import EvaluationParams
from podium.pipelines.evaluation.records import Evaluation, EvaluationError

from .conftest import AS_OF, scoring

KEYS = ("carrier", "flight")
SLICES = {"carrier": "carrier", "hour": "hour(from_utc_timestamp(prediction_time, 'America/New_York'))"}


@pytest.fixture
def examples(spark):
    """Return a function that creates two training sets, with a row every six hours of the forty days before as_of."""

    def make(label=lambda i: i % 2):
        frames = []
        for as_of in (AS_OF, AS_OF + pd.Timedelta(days=30)):
            times = [as_of - pd.Timedelta(hours=6 * i) for i in range(1, 161)]
            frames.append(
                pd.DataFrame(
                    {
                        "as_of": as_of,
                        "carrier": ["UA" if i % 3 else "AA" for i in range(160)],
                        "flight": range(160),
                        "prediction_time": times,
                        "x": [None if i % 10 == 0 else float(i) for i in range(160)],
                        "label": [label(i) for i in range(160)],
                    }
                )
            )
        return spark.createDataFrame(pd.concat(frames, ignore_index=True))

    return make


def held_out(examples, as_of=AS_OF, **params):
    return assessment.holdout_rows(examples, as_of, EvaluationParams(**params), keys=KEYS, slices=SLICES)


def test_held_out_rows_are_the_settled_end_of_the_training_set(examples):
    rows = held_out(examples(), holdout_days=28, settle_hours=24)
    assert set(rows["as_of"]) == {AS_OF}
    assert rows["prediction_time"].min() == AS_OF - pd.Timedelta(days=28)
    assert rows["prediction_time"].max() == AS_OF - pd.Timedelta(hours=30)
    assert len(rows) == 27 * 4
    assert rows[list(KEYS)].apply(tuple, axis=1).is_monotonic_increasing
    assert rows["x"].isna().sum() > 0
    assert rows["slice_carrier"].equals(rows["carrier"])
    local = rows["prediction_time"].dt.tz_convert("America/New_York").dt.hour
    assert rows["slice_hour"].tolist() == local.tolist()


def test_an_as_of_without_a_time_zone_is_utc(examples):
    both = [held_out(examples(), as_of) for as_of in (AS_OF, AS_OF.tz_localize(None).to_pydatetime())]
    pd.testing.assert_frame_equal(*both)


def test_an_error_for_missing_held_out_rows_says_what_to_do(examples):
    with pytest.raises(
        EvaluationError, match=r"training set of 2012-01-01 00:00 UTC has no held-out rows.*Run training"
    ):
        held_out(examples(), pd.Timestamp("2012-01-01", tz="UTC"))


def test_held_out_rows_of_one_class_are_refused(examples):
    with pytest.raises(EvaluationError, match="108 held-out rows, and all have label 0"):
        held_out(examples(label=lambda i: int(i > 130)))


def test_an_evaluation_holds_the_figures(good, rows):
    label = rows["label"].to_numpy()
    ours, theirs = measure(label, rows["p"].to_numpy()), measure(label, rows["weak"].to_numpy())
    for name, value in ours.items():
        estimate, gain = getattr(good.candidate, name), getattr(good.gain_over_baseline, name)
        assert estimate.value == pytest.approx(value)
        assert gain.value == pytest.approx(value - theirs[name])
        if name != "calibration_error":  # noise raises it in every resample, so its interval can lie above the value
            assert estimate.low < value < estimate.high
    assert good.gain_over_baseline.auc.low > 0
    assert good.algorithms == {"candidate": "lightgbm", "baseline": "heuristic"}
    assert (good.rows, good.window.days, good.champion) == (len(rows), 28, None)
    assert good.positive_rate.value == pytest.approx(label.mean())
    assert {part.slice for part in good.slices} == {"carrier", "hour"}
    assert good.passed, [check for check in good.checks if not check.passed]


def test_json_round_trip(evaluate):
    found = evaluate(champion=scoring("weak", "logistic_regression"))
    text = found.model_dump_json()
    assert Evaluation.model_validate_json(text) == found
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))["rows"] == found.rows


def test_an_evaluation_is_reproducible_to_the_last_digit(evaluate, good):
    assert evaluate().model_dump_json() == good.model_dump_json()


def test_an_evaluation_without_checks_has_not_passed(good):
    assert not good.model_copy(update={"checks": ()}).passed


def test_the_champion_is_compared_on_the_same_rows(evaluate):
    worse, same = evaluate(champion=scoring("weak")), evaluate(champion=scoring("p"))
    assert worse.champion == worse.baseline
    assert worse.gain_over_champion == worse.gain_over_baseline
    assert same.gain_over_champion.auc.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert worse.passed
    assert same.passed


def test_a_candidate_worse_than_the_champion_is_refused(evaluate, rows):
    noise = np.random.default_rng(1).normal(0, 0.1, len(rows))
    near = rows.assign(near=np.clip(rows["p"] + noise, 0.01, 0.99))
    found = evaluate(candidate=scoring("near"), champion=scoring("p"), rows=near)
    assert [check.name for check in found.checks if not check.passed] == ["not_worse_than_champion"]


def test_a_candidate_that_is_no_better_than_the_baseline_is_refused(evaluate):
    found = evaluate(candidate=scoring("p"), baseline=scoring("p", "heuristic"))
    assert [check.name for check in found.checks if not check.passed] == ["gain_over_baseline"]


def test_days_begin_in_the_time_zone_of_the_parameters(evaluate, rows):
    # 01:00 UTC is the evening before in New York: every date moves by one, so the number of days is the same.
    late = rows.assign(prediction_time=rows["prediction_time"].where(rows.index % 2 == 0, AS_OF + pd.Timedelta("3h")))
    assert evaluate(rows=late).window.days == 29
    assert evaluate(rows=late, params=EvaluationParams(time_zone="America/New_York", resamples=100)).window.days == 29
    utc, local = (EvaluationParams(time_zone=zone, resamples=100) for zone in ("UTC", "America/New_York"))
    two = rows.assign(prediction_time=[AS_OF + pd.Timedelta(hours=1 + 4 * (i % 2)) for i in range(len(rows))])
    assert (evaluate(rows=two, params=utc).window.days, evaluate(rows=two, params=local).window.days) == (1, 2)


@pytest.mark.parametrize("bad", [np.nan, 1.0001, -0.1, np.inf])
def test_a_score_that_is_not_a_probability_is_refused(evaluate, rows, bad):
    broken = rows.assign(broken=rows["p"].where(rows.index != 5, bad))
    with pytest.raises(EvaluationError, match=r"The champion \(lightgbm\) gave 1 scores that are not probabilities"):
        evaluate(rows=broken, champion=scoring("broken"))


def test_an_error_names_a_champion_with_other_features(evaluate, rows):
    champion = fitted("logistic_regression", rows.rename(columns={"own": "own_"}), ["own_", "weather"])
    with pytest.raises(EvaluationError, match=r"The champion \(logistic_regression\) cannot score.*'own_'"):
        evaluate(champion=champion)


def fitted(algorithm, rows, features, **params):
    return fit(
        algorithm,
        rows,
        rows["label"],
        features=features,
        categorical=[name for name in features if name == "dest"],
        params=params,
        seed=1,
    )


@pytest.fixture(scope="module")
def models(rows):
    features = ["weather", "own", "dest"]
    return {
        "lightgbm": fitted("lightgbm", rows, features, rounds=30),
        "logistic_regression": fitted("logistic_regression", rows, features),
        "heuristic": fitted("heuristic", rows, features, by=["dest"]),
    }


@pytest.mark.parametrize("algorithm", ["lightgbm", "logistic_regression", "heuristic"])
def test_an_explanation_adds_up_to_the_scores(models, rows, params, algorithm):
    model = models[algorithm]
    found = assessment.explain_candidate(model, rows, params)
    taken = rows.sample(n=300, random_state=params.seed).sort_index()
    score = model.score(taken)
    constant = np.log(score / (1 - score)) - found.contributions.sum(axis=1)
    assert np.ptp(constant) < 1e-6
    assert set(found.names) == set(model.features)
    assert (np.diff(found.importance) <= 0).all()


def test_an_explanation_is_reproducible_and_keeps_the_order_of_features(models, rows, params):
    first, again = (assessment.explain_candidate(models["lightgbm"], rows, params) for _ in range(2))
    assert first.contributions.tobytes() == again.contributions.tobytes()
    own = first.names.index("own")
    assert np.corrcoef(first.values[:, own], first.contributions[:, own])[0, 1] > 0.8
    assert np.isnan(first.values[:, first.names.index("dest")]).all()


@pytest.mark.parametrize("algorithm", ["lightgbm", "logistic_regression", "heuristic"])
def test_every_picture_is_drawn_and_not_blank(models, rows, params, algorithm):
    figures = drawn(models, rows, params, algorithm)
    assert list(figures) == ["roc", "precision_recall", "calibration", "slices", "explanation"]
    for name, figure in figures.items():
        png = io.BytesIO()
        figure.savefig(png, format="png")
        png.seek(0)
        image = imread(png)
        assert image.shape[1] >= 600, name
        assert (image[:, :, :3].min(axis=2) < 0.5).mean() > 0.005, name


def test_pictures_leave_no_trace_in_pyplot(models, rows, params):
    from matplotlib import pyplot, rcParams

    before = dict(rcParams)
    drawn(models, rows, params, "lightgbm")
    assert pyplot.get_fignums() == []
    assert dict(rcParams) == before


def test_a_picture_of_slices_survives_any_name_and_no_metrics(models, rows, params):
    hostile = rows.assign(slice_carrier=r"$\frac{ <b>" + "x" * 90, slice_hour=None)
    few = params.model_copy(update={"slice_min_rows": 10**6})
    figure = drawn(models, hostile, few, "lightgbm")["slices"]
    figure.savefig(io.BytesIO(), format="png")


def drawn(models, rows, params, algorithm):
    candidate, baseline, champion = models[algorithm], models["heuristic"], models["logistic_regression"]
    evaluation = assessment.evaluate(
        candidate, baseline, rows, params, as_of=AS_OF, trained_until=None, champion=champion
    )
    explanation = assessment.explain_candidate(candidate, rows, params)
    given = {"evaluation": evaluation, "explanation": explanation, "params": params, "champion": champion}
    return assessment.draw(candidate, baseline, rows, **given)


def test_flat_metrics_are_finite_numbers_with_names_that_mlflow_takes(evaluate):
    found = evaluate(champion=scoring("weak"))
    flat = assessment.flat_metrics(found)
    assert all(isinstance(value, float) and np.isfinite(value) for value in flat.values())
    assert all(name.replace("_", "").isalnum() for name in flat)
    assert flat["auc"] == found.candidate.auc.value
    assert flat["baseline_log_loss_high"] == found.baseline.log_loss.high
    assert flat["gain_over_champion_brier"] == found.gain_over_champion.brier.value
    assert flat["checks_failed"] == 0.0
    assert not any(name.startswith("gain_over_champion") for name in assessment.flat_metrics(evaluate()))
