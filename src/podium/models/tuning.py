"""Chooses an algorithm and its hyperparameters by log loss on rows later than the training rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import optuna
import pandas as pd

from .fitting import fitter
from .labelled_rows import Examples, Fitter
from .model import Model
from .spaces import Algorithms, Space

__all__ = ["Choice", "split_by_time", "tune"]

# Optuna's TPE sampler learns from earlier trials only after this many trials. The first trial tries the middle of the
# search space, and the other trials up to this number try random points.
SCOUTS = 4


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The trial that won the tuning.

    Attributes:
        params: a value for every hyperparameter; ``rounds``, if present, is the best number found by early stopping.
        rows: the number of rows it was fitted on.
        log_loss, auc: on the validation rows.
    """

    algorithm: str
    params: Mapping[str, Any]
    rows: int
    log_loss: float
    auc: float

    def params_for(self, rows: int) -> dict[str, Any]:
        """The hyperparameters for a fit on ``rows`` rows: the tuned ``rounds`` grow in proportion to the rows."""
        if "rounds" not in self.params:
            return dict(self.params)
        return {**self.params, "rounds": max(1, round(self.params["rounds"] * rows / self.rows))}


def split_by_time(
    rows: pd.DataFrame, boundary: datetime, *, time: str, known: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows whose label was known at ``boundary``, and the rows predicted at ``boundary`` or later.

    Earlier rows whose label was not yet known at ``boundary`` are in neither part.

    Args:
        rows: any rows with the columns ``time`` and ``known``.
        boundary: the moment of the split.
        time: the column with the moment of the prediction.
        known: the column with the moment at which the label became known.
    """
    later = rows[time] >= boundary
    return rows[~later & (rows[known] <= boundary)], rows[later]


def tune(
    train: Examples,
    validation: Examples,
    *,
    algorithms: Algorithms,
    features: list[str],
    categorical: list[str],
    seed: int,
) -> tuple[pd.DataFrame, Choice]:
    """Run the trials of each algorithm. TPE chooses their hyperparameters (Bergstra et al. 2011).

    Args:
        train: the rows that trials are fitted on, sorted by entity keys.
        validation: later rows, which trials are scored on.
        algorithms: the search space and the number of trials of each algorithm.
        features: the columns that models may use, in order.
        categorical: the features that hold text.
        seed: seed of the search and of every fit.

    Returns:
        A table with one row per trial: number, algorithm, params (JSON), log_loss, auc, rounds (null if the algorithm
        has none), seconds. And the trial with the smallest log loss, on a tie the first.

    Raises:
        ModelError: the rows lack features or hold an invalid column (see ``fitter``).
    """
    trials = [
        trial
        for algorithm, space in algorithms
        if space.trials
        for trial in _trials(
            algorithm,
            space,
            fitter(algorithm, train, validation, features=features, categorical=categorical, seed=seed),
            validation,
            seed,
        )
    ]
    best = min(trials, key=lambda trial: trial["log_loss"])
    keys = ("algorithm", "params", "log_loss", "auc")
    choice = Choice(rows=len(train), **{key: best[key] for key in keys})
    table = pd.DataFrame(trials)
    table["params"] = [json.dumps(params, sort_keys=True) for params in table["params"]]
    table["rounds"] = table["rounds"].astype("Int64")
    return table.rename_axis("number").reset_index(), choice


def _trials(algorithm: str, space: Space, learn: Fitter, validation: Examples, seed: int) -> Iterator[dict[str, Any]]:
    """Run the trials of one algorithm in sequence."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=SCOUTS))
    study.enqueue_trial({name: search.middle for name, search in space.searched.items()})
    # With nothing to search, all trials would be the same, so run only one.
    for _ in range(space.trials if space.searched else 1):
        trial, start = study.ask(), perf_counter()
        params = space.middle | {name: search.suggest(trial, name) for name, search in space.searched.items()}
        model = learn(params)
        measured = _judge(model, validation)
        study.tell(trial, measured["log_loss"])
        yield {
            "algorithm": algorithm,
            "params": dict(model.params),
            **measured,
            "rounds": model.params.get("rounds"),
            "seconds": perf_counter() - start,
        }


def _judge(model: Model, validation: Examples) -> dict[str, float]:
    from sklearn.metrics import log_loss, roc_auc_score

    scores = model.score(validation.columns)
    return {
        "log_loss": float(log_loss(validation.label, scores)),
        "auc": float(roc_auc_score(validation.label, scores)),
    }
