"""The nodes of training: what may be learned from, and what comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
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
    """Training sets of two moments in one table; in that of the day before, every label is turned round."""
    other = rows.assign(label=1 - rows["label"], as_of=AS_OF - timedelta(days=1))
    both = pd.concat([other, rows.assign(as_of=AS_OF)]).sample(frac=1, random_state=1)
    text = both[["carrier", "dest"]].astype(object)
    return spark.createDataFrame(both.assign(**text))


@pytest.fixture(scope="module")
def seen(examples: DataFrame) -> pd.DataFrame:
    return training_rows(examples, AS_OF, PARAMS, problem=PROBLEM)


def test_nothing_of_the_held_out_days_is_seen(seen: pd.DataFrame, rows: pd.DataFrame) -> None:
    end = pd.Timestamp(AS_OF) - pd.Timedelta(days=14)
    settled = end - pd.Timedelta(hours=PARAMS.settle_hours)
    assert seen["prediction_time"].max() < settled
    assert seen["label_available_at"].max() <= end
    expected = rows[(rows["prediction_time"] < settled) & (rows["label_available_at"] <= end)]
    assert 0 < len(expected) < (rows["prediction_time"] < settled).sum()
    columns = ["delay", "pressure", "carrier", "dest", "label"]
    pd.testing.assert_frame_equal(seen[columns], expected[columns].reset_index(drop=True), check_dtype=False)


def test_rows_come_sorted_by_their_keys_whatever_the_engine_does(seen: pd.DataFrame, examples: DataFrame) -> None:
    turned = training_rows(examples.orderBy("delay"), AS_OF, PARAMS, problem=PROBLEM)
    pd.testing.assert_frame_equal(turned, seen)
    assert seen[list(KEYS)].equals(seen[list(KEYS)].sort_values(list(KEYS)))


def test_a_candidate_and_its_baseline(seen: pd.DataFrame, tmp_path) -> None:
    trials, choice = tune(seen, AS_OF, PARAMS, problem=PROBLEM)
    candidate = fit_candidate(seen, choice, PARAMS, problem=PROBLEM)
    baseline = fit_baseline(seen, PARAMS, problem=PROBLEM)
    assert (len(trials), trials["algorithm"].nunique()) == (3, 3)
    assert candidate.algorithm == choice.algorithm != "heuristic"
    assert set(candidate.features) == set(FEATURES)
    assert (baseline.algorithm, baseline.features) == ("heuristic", ("carrier",))
    for name, rows in (("one", seen), ("two", seen.copy())):
        fit_candidate(rows, choice, PARAMS, problem=PROBLEM).save(tmp_path / name)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_an_as_of_without_rows_says_what_to_do(examples: DataFrame) -> None:
    with pytest.raises(TrainingError, match=r"late as of 2013-02-01.*no rows.*later as_of.*feature_engineering"):
        training_rows(examples, datetime(2013, 2, 1, tzinfo=UTC), PARAMS, problem=PROBLEM)


def test_one_class_says_so(examples: DataFrame, seen: pd.DataFrame) -> None:
    with pytest.raises(TrainingError, match=r"[0-9,]+ rows, all with label 0"):
        training_rows(examples.filter("label = 0"), AS_OF, PARAMS, problem=PROBLEM)
    with pytest.raises(TrainingError, match="for validation, has no rows"):
        tune(seen.iloc[:0].combine_first(seen[seen["prediction_time"] < "2013-02-01"]), AS_OF, PARAMS, problem=PROBLEM)
