"""Fit any algorithm, chosen by its name, through the same function."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike
from pydantic import ValidationError

from podium.errors import did_you_mean
from podium.validation import error_lines

from .algorithms import FITTERS
from .columns import ModelError
from .labelled_rows import Examples, Fitter
from .model import Model
from .spaces import SPACES

__all__ = ["fit", "fitter"]


def fit(
    algorithm: str,
    frame: pd.DataFrame,
    label: ArrayLike,
    *,
    features: Sequence[str],
    categorical: Sequence[str],
    params: Mapping[str, Any],
    seed: int,
    validation: tuple[pd.DataFrame, ArrayLike] | None = None,
) -> Model:
    """Fit one model. The same rows in the same order give the same bytes, so sort the rows by their keys.

    Args:
        algorithm: ``heuristic``, ``logistic_regression`` or ``lightgbm``.
        frame: rows with at least the features.
        label: 0 or 1 for each row.
        features: the columns that the model may use, in order.
        categorical: the features that hold text.
        params: hyperparameters; each one left out defaults to the middle of the default search space.
        seed: seed of every random draw.
        validation: later rows and their labels, used by LightGBM for early stopping.

    Raises:
        ModelError: the algorithm, a hyperparameter or a feature is unknown, or the labels have only one class.
    """
    chosen = _complete(algorithm, params)
    held_out = Examples.of(*validation) if validation else None
    learn = fitter(
        algorithm, Examples.of(frame, label), held_out, features=features, categorical=categorical, seed=seed
    )
    return learn(chosen)


def fitter(
    algorithm: str,
    train: Examples,
    validation: Examples | None,
    *,
    features: Sequence[str],
    categorical: Sequence[str],
    seed: int,
) -> Fitter:
    """Return a function that fits a model for given hyperparameters. Work that all fits share is done here, once.

    Raises:
        ModelError: the rows lack features.
    """
    missing = [name for name in features if name not in train.columns]
    if missing:
        names = ", ".join(f"{name!r}{did_you_mean(name, map(str, train.columns))}" for name in missing)
        raise ModelError(f"The training rows lack features: {names}. Build the training set again.")
    return FITTERS[algorithm](train, validation, features=features, categorical=categorical, seed=seed)


def _complete(algorithm: str, params: Mapping[str, Any]) -> dict[str, Any]:
    if algorithm not in FITTERS:
        raise ModelError(
            f"Unknown algorithm {algorithm!r}{did_you_mean(algorithm, FITTERS)}. Known: {', '.join(FITTERS)}."
        )
    space = SPACES[algorithm]
    known = [name for name in space.model_fields if name != "trials"]
    unknown = [f"{name!r}{did_you_mean(name, known)}" for name in params if name not in known]
    if unknown:
        raise ModelError(f"{algorithm} has no hyperparameter {', '.join(unknown)}. It has: {', '.join(known)}.")
    try:
        return space.model_validate(params).middle
    except ValidationError as wrong:
        lines = error_lines(wrong, space)
        raise ModelError(f"{algorithm} cannot be fitted with these hyperparameters: {'; '.join(lines)}.") from wrong
