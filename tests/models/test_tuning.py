"""Tuning is reproducible, validates on later rows, and stays within its number of trials."""

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from podium.models.labelled_rows import Examples
from podium.models.spaces import Algorithms, HeuristicSpace, LightGBMSpace, LogisticSpace
from podium.models.tuning import Choice, split_by_time, tune

from .conftest import CATEGORICAL, FEATURES

BOUNDARY = pd.Timestamp("2013-03-15", tz="UTC")
ALGORITHMS = Algorithms(
    heuristic=HeuristicSpace(trials=5, by=("carrier",)),
    logistic_regression=LogisticSpace(trials=2, max_rows=1_000),
    lightgbm=LightGBMSpace(trials=3, rounds=40, patience=5, min_data_in_leaf={"low": 10, "high": 40}),
)


@pytest.fixture(scope="module")
def parts(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return split_by_time(rows, BOUNDARY, time="prediction_time", known="label_available_at")


def tuned(parts: tuple[pd.DataFrame, pd.DataFrame], seed: int = 1) -> tuple[pd.DataFrame, Choice]:
    train, validation = (Examples.of(part, part["label"]) for part in parts)
    return tune(train, validation, algorithms=ALGORITHMS, features=FEATURES, categorical=list(CATEGORICAL), seed=seed)


@pytest.fixture(scope="module")
def result(parts: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[pd.DataFrame, Choice]:
    return tuned(parts)


def test_validation_rows_are_later_than_all_training_data(parts: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, validation = parts
    assert train["prediction_time"].max() < BOUNDARY <= validation["prediction_time"].min()
    assert train["label_available_at"].max() <= BOUNDARY


def test_labels_unknown_at_the_boundary_are_not_used_for_training(rows: pd.DataFrame) -> None:
    late_news = rows.assign(label_available_at=rows["label_available_at"] + pd.Timedelta(days=10))
    train, validation = split_by_time(late_news, BOUNDARY, time="prediction_time", known="label_available_at")
    assert train["prediction_time"].max() < BOUNDARY - pd.Timedelta(days=9)
    assert len(validation) == (rows["prediction_time"] >= BOUNDARY).sum()


def test_the_result_has_one_row_per_trial(result: tuple[pd.DataFrame, Choice]) -> None:
    table, _ = result
    assert list(table.columns) == ["number", "algorithm", "params", "log_loss", "auc", "rounds", "seconds"]
    assert table["number"].tolist() == list(range(6))
    # The heuristic has nothing to search, so tuning runs one trial instead of five.
    assert table["algorithm"].value_counts().to_dict() == {"lightgbm": 3, "logistic_regression": 2, "heuristic": 1}
    assert table["rounds"].notna().tolist() == (table["algorithm"] == "lightgbm").tolist()
    assert all(json.loads(params) for params in table["params"])


def test_the_smallest_log_loss_wins(result: tuple[pd.DataFrame, Choice]) -> None:
    table, choice = result
    best = table.loc[table["log_loss"].idxmin()]
    assert (choice.algorithm, choice.log_loss, choice.auc) == (best["algorithm"], best["log_loss"], best["auc"])
    assert json.loads(best["params"]) == choice.params


def test_the_first_trial_is_the_middle_of_the_space(result: tuple[pd.DataFrame, Choice]) -> None:
    table, _ = result
    first = json.loads(table.loc[table["algorithm"] == "lightgbm", "params"].iloc[0])
    middle = ALGORITHMS.lightgbm.middle
    assert {name: value for name, value in first.items() if name != "rounds"} == {
        name: value for name, value in middle.items() if name != "rounds"
    }


def test_tuning_is_reproducible(parts: tuple[pd.DataFrame, pd.DataFrame], result: tuple[pd.DataFrame, Choice]) -> None:
    table, choice = tuned(parts)
    assert table.drop(columns="seconds").equals(result[0].drop(columns="seconds"))
    assert choice == result[1]


def test_another_seed_gives_other_trials(
    parts: tuple[pd.DataFrame, pd.DataFrame], result: tuple[pd.DataFrame, Choice]
) -> None:
    assert tuned(parts, seed=2)[0]["params"].tolist() != result[0]["params"].tolist()


def test_the_number_of_rounds_grows_with_the_rows() -> None:
    choice = Choice(algorithm="lightgbm", params={"rounds": 100}, rows=1_000, log_loss=0.5, auc=0.7)
    assert choice.params_for(1_250) == {"rounds": 125}
    assert Choice(algorithm="x", params={"C": 1}, rows=10, log_loss=0.5, auc=0.7).params_for(20) == {"C": 1}


@pytest.mark.parametrize(
    ("section", "wrong", "says"),
    [
        ("lightgbm", {"num_leafs": 3}, "Extra inputs"),
        ("lightgbm", {"num_leaves": {"low": 10, "hihg": 20}}, "Extra inputs"),
        ("lightgbm", {"num_leaves": {"low": 10}}, "low and high, or choices"),
        ("lightgbm", {"num_leaves": {"low": 20, "high": 10}}, "must be less than high"),
        ("lightgbm", {"num_leaves": 1}, "greater than 1"),
        ("lightgbm", {"num_leaves": 31.5}, "valid integer"),
        ("lightgbm", {"feature_fraction": {"low": 0.5, "high": 1.5}}, "less than or equal to 1"),
        ("logistic_regression", {"C": "much"}, "valid number"),
        ("heuristic", {"by": []}, "at least 1 item"),
        ("heuristic", {"by": ["carrier"], "steps": {"carier": 60}}, "did you mean 'carrier'"),
        ("heuristic", {"trials": -1}, "greater than or equal to 0"),
    ],
)
def test_an_invalid_search_space_is_refused(section: str, wrong: dict, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Algorithms.model_validate({"heuristic": {"by": ["carrier"]}, section: wrong})


NO_TRIALS = {
    "heuristic": {"trials": 0, "by": ["carrier"]},
    "logistic_regression": {"trials": 0},
    "lightgbm": {"trials": 0},
}


def test_at_least_one_algorithm_needs_a_trial() -> None:
    with pytest.raises(ValidationError, match="no algorithm has a trial"):
        Algorithms.model_validate(NO_TRIALS)


def test_a_space_accepts_values_choices_and_ranges() -> None:
    space = LightGBMSpace.model_validate(
        {"learning_rate": 0.1, "num_leaves": {"choices": [31, 63]}, "lambda_l2": {"low": 1, "high": 100, "log": True}}
    )
    middle = space.middle
    assert (middle["learning_rate"], middle["num_leaves"]) == (0.1, 31)
    assert middle["lambda_l2"] == pytest.approx(10)
    assert set(space.searched) == {"num_leaves", "lambda_l2", "min_data_in_leaf", "feature_fraction"}
    assert LightGBMSpace.model_validate(space.model_dump()) == space
