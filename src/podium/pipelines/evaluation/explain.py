"""Why a model gives the scores it gives: what each feature adds to each score of a sample, in log-odds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .records import Scorer

__all__ = ["Explanation", "explain"]

TREES = "TreeSHAP"
LINEAR = "coefficient times value, less its mean"
NONE = "none"


@dataclass(frozen=True)
class Explanation:
    """What each feature added to the log-odds of each sampled row.

    Attributes:
        method: how it was computed; ``none`` for a model that has nothing to explain.
        names: the features, the most important one first.
        contributions: log-odds, shape (rows, features).
        values: the features' values, same shape; NaN where missing or not a number.
    """

    method: str
    names: tuple[str, ...]
    contributions: np.ndarray
    values: np.ndarray

    @property
    def importance(self) -> np.ndarray:
        """Mean distance from 0 of each feature's contribution, in log-odds, shape (features,)."""
        return np.abs(self.contributions).mean(axis=0) if len(self.names) else np.empty(0)


def explain(model: Scorer, rows: pd.DataFrame, sample: int, seed: int) -> Explanation:
    """Explain a model on a seeded sample of the rows.

    Trees: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
    Machine Intelligence 2, 2020, as LightGBM computes it (path-dependent). Linear models: Lundberg and Lee, "A Unified
    Approach to Interpreting Model Predictions", NeurIPS 2017, corollary 1, features taken as independent.
    """
    taken = rows.sample(n=min(sample, len(rows)), random_state=seed).sort_index()
    if hasattr(model, "booster"):
        found = model.booster.predict(model.matrix(taken), pred_contrib=True)[:, :-1]  # type: ignore[attr-defined]
        return _ordered(TREES, model, taken, found)
    if hasattr(model, "contributions"):
        found = model.contributions(taken)
        return _ordered(LINEAR, model, taken, found - found.mean(axis=0))
    return Explanation(NONE, (), np.empty((len(taken), 0)), np.empty((len(taken), 0)))


def _ordered(method: str, model: Scorer, rows: pd.DataFrame, contributions: np.ndarray) -> Explanation:
    order = np.argsort(-np.abs(contributions).mean(axis=0), kind="stable")
    names = tuple(model.features[i] for i in order)
    values = np.full(contributions.shape, np.nan)
    for i, name in enumerate(names):
        if name not in model.categorical:
            values[:, i] = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return Explanation(method, names, contributions[:, order], values)
