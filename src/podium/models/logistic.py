"""Logistic regression. Missing numbers become medians, numbers are standardised, each level of a text has a weight."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .columns import Encoded, Levels, encode, levels_of
from .labelled_rows import Examples, Fitter
from .model import Model

__all__ = ["LogisticRegression", "fitter"]

# Clip a standardised value at this many standard deviations: a wrong reading, such as a wind of 1,000 mph, must not
# dominate the score.
FARTHEST = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticRegression(Model):
    """A linear model of the log odds, fitted with an L2 penalty.

    Attributes:
        intercept: the log odds of a row in which every feature is average.
        numbers: for each numeric feature: ``median`` (replaces a missing value), ``mean``, ``scale`` and ``weight``.
        weights: for each categorical feature, one weight per level. They average to zero over the training rows, so a
            missing or unknown level, which has no weight, counts as average.
    """

    algorithm: ClassVar[str] = "logistic_regression"

    intercept: float
    numbers: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, Sequence[float]]

    def _score(self, columns: Encoded) -> NDArray[np.float64]:
        from scipy.special import expit

        # Add feature by feature, so that a row scores the same alone and in a batch. In a matrix product, the order of
        # additions depends on the number of rows.
        log_odds = np.full(len(columns[self.features[0]]), self.intercept)
        for term in self._terms(columns):
            log_odds += term
        return expit(log_odds)

    def _contributions(self, columns: Encoded) -> NDArray[np.float64]:
        return np.column_stack(list(self._terms(columns)))

    def _terms(self, columns: Encoded) -> Iterator[NDArray[np.float64]]:
        for name in self.features:
            if name in self.categorical:
                # Append a weight of 0: a missing or unknown level has index -1, which selects the last weight.
                yield np.array([*self.weights[name], 0.0])[columns[name]]
            else:
                yield self.numbers[name]["weight"] * _standardised(columns[name], self.numbers[name])


def _standardised(values: NDArray[np.float64], number: Mapping[str, float]) -> NDArray[np.float64]:
    filled = np.where(np.isnan(values), number["median"], values)
    return np.clip((filled - number["mean"]) / number["scale"], -FARTHEST, FARTHEST)


def fitter(
    train: Examples, validation: Examples | None, *, features: Sequence[str], categorical: Sequence[str], seed: int
) -> Fitter:
    """Return a function that fits by Newton's method (see ``fitting.fitter``). Ignores ``validation`` and ``seed``.

    The fit uses at most ``max_rows`` evenly spaced rows: they suffice for some hundred weights, and with a fixed number
    of rows ``C`` keeps its meaning when the training set grows.
    """
    names = [name for name in features if name in categorical]

    def fit(params: Mapping[str, Any]) -> LogisticRegression:
        examples = train.thinned(params["max_rows"])
        levels = levels_of(examples.columns, names)
        columns = encode(examples.columns, features, levels)
        numbers = {name: _summary(columns[name]) for name in features if name not in levels}
        design = _design(columns, numbers, levels)
        return _assemble(columns, numbers, levels, solved=_solve(design, examples.label, params["C"]), params=params)

    return fit


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    """The median of the known values; mean and standard deviation after missing values are filled with the median."""
    known = values[~np.isnan(values)]
    median = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(values), median, values)
    # A constant column has a standard deviation of zero. Use a scale of 1 instead, which standardises the column to 0.
    return {"median": median, "mean": float(filled.mean()), "scale": float(filled.std()) or 1.0}


def _design(columns: Encoded, numbers: Mapping[str, Any], levels: Levels) -> NDArray[np.float64]:
    """Design matrix of shape (rows, numbers + levels): standardised numbers, then one-hot encoded levels."""
    rows = len(next(iter(columns.values())))
    design = np.zeros((rows, len(numbers) + sum(map(len, levels.values()))))
    for at, (name, number) in enumerate(numbers.items()):
        design[:, at] = _standardised(columns[name], number)
    first = len(numbers)
    for name, known in levels.items():
        has_level = columns[name] >= 0
        design[has_level, first + columns[name][has_level]] = 1.0
        first += len(known)
    return design


def _solve(design: NDArray[np.float64], label: NDArray[np.int64], C: float) -> tuple[float, NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression as Solver
    from threadpoolctl import threadpool_limits

    # Use one thread. With more threads, the order of additions depends on the number of threads, so results differ in
    # the last bit.
    with threadpool_limits(limits=1, user_api="blas"):
        solved = Solver(C=C, solver="newton-cholesky", max_iter=100).fit(design, label)
    return float(solved.intercept_[0]), solved.coef_[0]


def _assemble(
    columns: Encoded,
    numbers: Mapping[str, Mapping[str, float]],
    levels: Levels,
    *,
    solved: tuple[float, NDArray[np.float64]],
    params: Mapping[str, Any],
) -> LogisticRegression:
    """Build the model from the solver's weights. Each categorical feature's average weight moves into the intercept."""
    intercept, found = solved
    named = {name: {**n, "weight": float(weight)} for (name, n), weight in zip(numbers.items(), found, strict=False)}
    weights, first = {}, len(numbers)
    for name, known in levels.items():
        of_levels = found[first : first + len(known)]
        places = columns[name][columns[name] >= 0]
        average = float(of_levels[places].mean()) if len(places) else 0.0
        weights[name] = [float(weight) - average for weight in of_levels]
        intercept += average
        first += len(known)
    return LogisticRegression(
        features=tuple(columns),
        categorical=levels,
        params=dict(params),
        intercept=intercept,
        numbers=named,
        weights=weights,
    )
