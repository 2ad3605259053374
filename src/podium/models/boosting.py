"""Gradient boosted trees by LightGBM (Ke et al. 2017), reproducible and saved as text.

LightGBM is imported inside the functions that use it, because it loads scikit-learn, which takes most of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .columns import Columns, Encoded, Levels, encode, levels_of
from .labelled_rows import Examples, Fitter
from .model import Model

if TYPE_CHECKING:
    import lightgbm as lgb

__all__ = ["LightGBM", "fitter"]

# Use two threads on every machine. LightGBM's default is one thread for each core, and the bytes of a model depend on
# the number of threads.
THREADS = 2
FIXED: Mapping[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "verbosity": -1,
    "num_threads": THREADS,
    "deterministic": True,
    "force_row_wise": True,
    # Turn off feature_pre_filter. Otherwise LightGBM can reuse a Dataset only for trials whose min_data_in_leaf is not
    # below that of the trial for which the Dataset was built.
    "feature_pre_filter": False,
    "bagging_freq": 1,
    # Split a categorical feature only into one level against the rest. If LightGBM may group levels, it overfits
    # features that have many levels.
    "max_cat_to_onehot": 1_000,
}
NOT_OF_LIGHTGBM = ("rounds", "patience")


@dataclass(frozen=True, kw_only=True, eq=False)
class LightGBM(Model):
    """Boosted trees, whose outputs add up to the log odds of the positive class.

    Attributes:
        text: the trees in LightGBM's text format, as saved, so that a fitted and a loaded model are equal.
    """

    algorithm: ClassVar[str] = "lightgbm"

    text: str = field(repr=False, metadata={"file": "model.txt"})

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees as a LightGBM booster."""
        import lightgbm as lgb

        return lgb.Booster(model_str=self.text)

    def matrix(self, columns: Columns) -> NDArray[np.float64]:
        """The booster's input matrix, of shape (rows, features). A text becomes its index in the list of levels."""
        return _matrix(encode(columns, self.features, self.categorical), self.categorical)

    def _score(self, columns: Encoded) -> NDArray[np.float64]:
        return self._predict(columns)

    def _contributions(self, columns: Encoded) -> NDArray[np.float64]:
        # Drop LightGBM's last column: it holds the model's constant term, which belongs to no feature.
        return self._predict(columns, pred_contrib=True)[:, :-1]

    def _predict(self, columns: Encoded, **how: Any) -> Any:
        matrix = _matrix(columns, self.categorical)
        # Use one thread for up to 100 rows: a second thread would cost more time than it saves.
        threads = THREADS if len(matrix) > 100 else 1
        return self.booster.predict(matrix, num_threads=threads, **how)


def fitter(
    train: Examples, validation: Examples | None, *, features: Sequence[str], categorical: Sequence[str], seed: int
) -> Fitter:
    """Return a function that fits boosted trees (see ``podium.models.fitting.fitter``).

    With validation rows, ``rounds`` is an upper bound: training stops when their log loss has not improved for
    ``patience`` rounds, and the model's ``params`` hold the number of rounds kept.
    """
    import lightgbm as lgb

    names = [name for name in features if name in categorical]
    levels = levels_of(train.columns, names)
    fixed = {**FIXED, "seed": seed}
    binned = _dataset(train, features, levels, fixed)
    watched = _dataset(validation, features, levels, fixed, reference=binned) if validation else None

    def fit(params: Mapping[str, Any]) -> LightGBM:
        settings = fixed | {name: value for name, value in params.items() if name not in NOT_OF_LIGHTGBM}
        stop: list[Callable] = [lgb.early_stopping(params["patience"], verbose=False)] if watched else []
        booster = lgb.train(settings, binned, params["rounds"], [watched] if watched else None, callbacks=stop)
        rounds = booster.best_iteration if watched else booster.current_iteration()
        return LightGBM(
            features=tuple(features),
            categorical=levels,
            params={**params, "rounds": rounds},
            text=booster.model_to_string(num_iteration=rounds),
        )

    return fit


def _dataset(
    examples: Examples,
    features: Sequence[str],
    levels: Levels,
    params: Mapping[str, Any],
    reference: lgb.Dataset | None = None,
) -> lgb.Dataset:
    import lightgbm as lgb

    dataset = lgb.Dataset(
        _matrix(encode(examples.columns, features, levels), levels),
        label=examples.label,
        reference=reference,
        feature_name=list(features),
        categorical_feature=list(levels),
        params=dict(params),
    )
    return dataset.construct()


def _matrix(columns: Encoded, levels: Levels) -> NDArray[np.float64]:
    """Join encoded columns to a matrix of shape (rows, features). A missing or unknown level (index -1) becomes NaN."""
    matrix = np.empty((len(next(iter(columns.values()))), len(columns)))
    for at, (name, values) in enumerate(columns.items()):
        matrix[:, at] = np.where(values < 0, np.nan, values) if name in levels else values
    return matrix
