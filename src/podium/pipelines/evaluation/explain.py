"""Explain a model: the contribution of each feature to the scores of a sample, in log-odds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from podium.models import Model

__all__ = ["Explanation", "explain"]

METHODS = {"lightgbm": "TreeSHAP", "logistic_regression": "weight times standardised value"}


@dataclass(frozen=True)
class Explanation:
    """The contribution of each feature to the log-odds of each sampled row.

    Attributes:
        method: how the contributions were computed.
        names: the features, the most important first.
        contributions: log-odds, shape (rows, features).
        values: the features' values, same shape; NaN where missing or not a number.
    """

    method: str
    names: tuple[str, ...]
    contributions: np.ndarray
    values: np.ndarray

    @property
    def importance(self) -> np.ndarray:
        """The mean absolute contribution of each feature, in log-odds, shape (features,)."""
        return np.abs(self.contributions).mean(axis=0)


def explain(model: Model, rows: pd.DataFrame, sample: int, seed: int) -> Explanation:
    """Explain a model on a seeded sample of the rows, by ``Model.contributions``."""
    taken = rows.sample(n=min(sample, len(rows)), random_state=seed).sort_index()
    contributions = model.contributions(taken)
    order = np.argsort(-np.abs(contributions).mean(axis=0), kind="stable")
    names = tuple(model.features[i] for i in order)
    values = np.full(contributions.shape, np.nan)
    for i, name in enumerate(names):
        if name not in model.categorical:
            values[:, i] = taken[name].to_numpy(dtype=np.float64, na_value=np.nan)
    method = METHODS.get(model.algorithm, f"{model.algorithm} steps")
    return Explanation(method, names, contributions[:, order], values)
