"""The algorithms that Podium supports, by name."""

from collections.abc import Callable, Mapping

from . import boosting, heuristic, logistic
from .labelled_rows import Fitter
from .model import Model

__all__ = ["FITTERS", "MODELS"]

MODELS: Mapping[str, type[Model]] = {
    "heuristic": heuristic.Heuristic,
    "logistic_regression": logistic.LogisticRegression,
    "lightgbm": boosting.LightGBM,
}
FITTERS: Mapping[str, Callable[..., Fitter]] = {
    "heuristic": heuristic.fitter,
    "logistic_regression": logistic.fitter,
    "lightgbm": boosting.fitter,
}
