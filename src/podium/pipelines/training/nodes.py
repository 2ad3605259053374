"""The nodes of training: turn a training set into a candidate and the baseline that the candidate must beat."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError
from podium.features.as_of import known_at
from podium.models import Model
from podium.models.fitting import fit
from podium.models.labelled_rows import Examples
from podium.models.tuning import Choice, split_by_time
from podium.models.tuning import tune as search
from podium.problems.base import Problem
from podium.registry.candidate import Candidate

from .parameters import TrainingParams

__all__ = ["TrainingError", "describe", "fit_baseline", "fit_candidate", "training_rows", "tune"]


class TrainingError(PodiumError):
    """Raised if there are no rows to train on, or if all of them have the same label."""


def training_rows(examples: DataFrame, as_of: datetime, params: TrainingParams, *, problem: Problem) -> pd.DataFrame:
    """Load the rows to train on: the training set of ``as_of`` without its held-out days, sorted by the problem's keys.

    Args:
        examples: training sets of one or more ``as_of``: keys, features, prediction_time, label, label_available_at.
        as_of: the training set to load, with time zone.
        params: only rows labelled before the last ``holdout_days`` are used, and only if they were predicted at least
            ``settle_hours`` before them.
        problem: the problem, for its keys and features.

    Raises:
        TrainingError: no rows, or labels of one class only.
    """
    end = as_of - timedelta(days=params.holdout_days)
    columns = dict.fromkeys((*problem.keys, *problem.feature_names, "prediction_time", "label_available_at", "label"))
    seen = known_at(examples, end, by="label_available_at").filter(
        (F.col("as_of") == F.lit(as_of))
        & (F.col("prediction_time") < F.lit(end - timedelta(hours=params.settle_hours)))
        & F.col("label").isNotNull()
    )
    rows = seen.select(*columns).toArrow().to_pandas(split_blocks=True, self_destruct=True)
    _check(
        rows,
        f"The training set of {problem.name} as of {as_of:%Y-%m-%d %H:%M} UTC, with the labels known by "
        f"{end:%Y-%m-%d %H:%M},",
    )
    # Sort: the fitted model depends on the order of rows, and engines return rows in no guaranteed order.
    return rows.sort_values(list(problem.keys), ignore_index=True)


def tune(
    rows: pd.DataFrame, as_of: datetime, params: TrainingParams, *, problem: Problem
) -> tuple[pd.DataFrame, Choice]:
    """Run the tuning trials. Return a table of them, and the one with the lowest log loss on the validation days.

    Args:
        rows: from ``training_rows``.
        as_of: the time of the training set, with time zone.
        params: the algorithms with their search spaces and trials, the seed.
        problem: the problem, for its features.

    Raises:
        TrainingError: no rows, or labels of one class only, before or after the start of validation.
    """
    boundary = as_of - timedelta(days=params.holdout_days + params.validation_days)
    train, validation = split_by_time(rows, boundary, time="prediction_time", known="label_available_at")
    _check(train, f"The training set of {problem.name} before {boundary:%Y-%m-%d %H:%M} UTC, for fitting the trials,")
    _check(validation, f"The training set of {problem.name} from {boundary:%Y-%m-%d %H:%M} UTC on, for validation,")
    return search(
        Examples.of(train, train["label"]),
        Examples.of(validation, validation["label"]),
        algorithms=params.algorithms,
        features=problem.feature_names,
        categorical=list(problem.categorical),
        seed=params.seed,
    )


def fit_candidate(rows: pd.DataFrame, choice: Choice, params: TrainingParams, *, problem: Problem) -> Model:
    """Fit the chosen algorithm on all rows, including those of the validation days, with proportionally more rounds."""
    return fit(
        choice.algorithm,
        rows,
        rows["label"],
        features=problem.feature_names,
        categorical=problem.categorical,
        params=choice.params_for(len(rows)),
        seed=params.seed,
    )


def fit_baseline(rows: pd.DataFrame, params: TrainingParams, *, problem: Problem) -> Model:
    """Fit the baseline that the candidate must beat: the algorithm ``heuristic``, on the candidate's training rows."""
    return fit(
        "heuristic",
        rows,
        rows["label"],
        features=problem.feature_names,
        categorical=problem.categorical,
        params=params.algorithms.heuristic.middle,
        seed=params.seed,
    )


def _check(rows: pd.DataFrame, what: str) -> None:
    counts = rows["label"].value_counts().to_dict()
    if len(counts) < 2:
        found = f"{len(rows)} rows, all with label {next(iter(counts))}" if counts else "no rows with a known label"
        raise TrainingError(
            f"{what} has {found}. Training needs rows with label 0 and rows with label 1. Check that the pipeline "
            f"feature_engineering has run for this as_of. If it has, choose a later as_of, or reduce "
            f"training.holdout_days or training.validation_days."
        )


def describe(
    rows: pd.DataFrame,
    model: Model,
    baseline: Model,
    choice: Choice,
    features: Mapping[str, Any],
    as_of: datetime,
    params: TrainingParams,
) -> Candidate:
    """Assemble the candidate from four things: the model, its baseline, a record of the training, and example rows.

    ``features`` is what ``check_features`` found, and becomes part of the record.
    """
    training = {
        "trained_from": rows["prediction_time"].min().isoformat(),
        "trained_until": rows["prediction_time"].max().isoformat(),
        "rows": len(rows),
        "positive_rate": float(rows["label"].mean()),
        "algorithm": model.algorithm,
        "params": dict(model.params),
        "validation": {"log_loss": choice.log_loss, "auc": choice.auc},
        "holdout_days": params.holdout_days,
        "features": len(model.features),
        **features,
    }
    example = rows[list(model.features)].head(3).reset_index(drop=True)
    numbers = [name for name in model.features if name not in model.categorical]
    example = example.astype(dict.fromkeys(numbers, "float64"))
    return Candidate(model=model, baseline=baseline, as_of=as_of, training=training, example=example)
