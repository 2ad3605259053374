"""The nodes of training: which rows training may use, and which models result."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession

from podium.models import digest
from podium.pipelines.training.nodes import TrainingError, fit_baseline, fit_candidate, training_rows, tune
from podium.pipelines.training.parameters import TrainingParams

from .conftest import FEATURES, KEYS, Question

AS_OF = datetime(2013, 4, 10, tzinfo=UTC)
PROBLEM: Any = Question()
PARAMS = TrainingParams.model_validate(
    {
        "holdout_days": 14,
        "settle_hours": 1,
        "validation_days": 21,
        "algorithms": {
            "heuristic": {"by": ["carrier"]},
            "logistic_regression": {"trials": 1},
            "lightgbm": {"trials": 1, "rounds": 20, "patience": 5},
        },
    }
)


@pytest.fixture(scope="module")
def examples(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    """Training sets of two moments in one table. That of the day before has inverted labels."""
    other = rows.assign(label=1 - rows["label"], as_of=AS_OF - timedelta(days=1))
    both = pd.concat([other, rows.assign(as_of=AS_OF)]).sample(frac=1, random_state=1)
    text = both[["carrier", "dest"]].astype(object)
    return spark.createDataFrame(both.assign(**text))


@pytest.fixture(scope="module")
def training_data(examples: DataFrame) -> pd.DataFrame:
    return training_rows(examples, AS_OF, PARAMS, problem=PROBLEM)


def test_training_uses_no_held_out_rows(training_data: pd.DataFrame, rows: pd.DataFrame) -> None:
    end = pd.Timestamp(AS_OF) - pd.Timedelta(days=14)
    settled = end - pd.Timedelta(hours=PARAMS.settle_hours)
    assert training_data["prediction_time"].max() < settled
    assert training_data["label_available_at"].max() <= end
    expected = rows[(rows["prediction_time"] < settled) & (rows["label_available_at"] <= end)]
    assert 0 < len(expected) < (rows["prediction_time"] < settled).sum()
    columns = ["delay", "pressure", "carrier", "dest", "label"]
    pd.testing.assert_frame_equal(training_data[columns], expected[columns].reset_index(drop=True), check_dtype=False)


def test_a_training_without_held_out_days_is_refused() -> None:
    """Evaluation and monitoring compute their scores on the held-out days, so there must be at least one."""
    with pytest.raises(ValidationError, match=r"holdout_days\n  Input should be greater than 0"):
        TrainingParams.model_validate({**PARAMS.model_dump(), "holdout_days": 0})


def test_rows_are_sorted_by_their_keys_in_any_order_of_the_engine(
    training_data: pd.DataFrame, examples: DataFrame
) -> None:
    turned = training_rows(examples.orderBy("delay"), AS_OF, PARAMS, problem=PROBLEM)
    pd.testing.assert_frame_equal(turned, training_data)
    assert training_data[list(KEYS)].equals(training_data[list(KEYS)].sort_values(list(KEYS)))


def test_training_gives_a_reproducible_candidate_and_a_baseline(training_data: pd.DataFrame, tmp_path) -> None:
    trials, choice = tune(training_data, AS_OF, PARAMS, problem=PROBLEM)
    candidate = fit_candidate(training_data, choice, PARAMS, problem=PROBLEM)
    baseline = fit_baseline(training_data, PARAMS, problem=PROBLEM)
    assert (len(trials), trials["algorithm"].nunique()) == (3, 3)
    assert candidate.algorithm == choice.algorithm != "heuristic"
    assert set(candidate.features) == set(FEATURES)
    assert (baseline.algorithm, baseline.features) == ("heuristic", ("carrier",))
    for name, rows in (("one", training_data), ("two", training_data.copy())):
        fit_candidate(rows, choice, PARAMS, problem=PROBLEM).save(tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_the_error_for_an_as_of_without_rows_says_what_to_do(examples: DataFrame) -> None:
    with pytest.raises(TrainingError, match=r"late as of 2013-02-01.*no rows.*feature_engineering.*later as_of"):
        training_rows(examples, datetime(2013, 2, 1, tzinfo=UTC), PARAMS, problem=PROBLEM)


def test_rows_of_one_class_are_an_error(examples: DataFrame, training_data: pd.DataFrame) -> None:
    with pytest.raises(TrainingError, match=r"[0-9,]+ rows, all with label 0"):
        training_rows(examples.filter("label = 0"), AS_OF, PARAMS, problem=PROBLEM)
    with pytest.raises(TrainingError, match="for validation, has no rows"):
        tune(
            training_data.iloc[:0].combine_first(training_data[training_data["prediction_time"] < "2013-02-01"]),
            AS_OF,
            PARAMS,
            problem=PROBLEM,
        )
