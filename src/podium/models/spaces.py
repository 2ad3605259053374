"""The search spaces of the hyperparameters, validated so that a misspelt name or an impossible value fails early."""

from collections.abc import Mapping
from math import sqrt
from typing import Annotated, Any, Generic, TypeVar

from optuna import Trial
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from podium.errors import did_you_mean
from podium.validation import Params

__all__ = ["SPACES", "Algorithms", "HeuristicSpace", "LightGBMSpace", "LogisticSpace", "Search", "Space"]

T = TypeVar("T", int, float)
Share = Annotated[float, Field(gt=0, le=1)]
Leaves = Annotated[int, Field(gt=1)]


class Search(Params, Generic[T]):
    """The values of a hyperparameter: a range (``low``, ``high``, ``log``), ``choices``, or a single value."""

    low: T | None = None
    high: T | None = None
    log: bool = False
    choices: tuple[T, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _bare_value(cls, value: Any) -> Any:
        return value if isinstance(value, (Mapping, Search)) else {"choices": (value,)}

    @model_validator(mode="after")
    def _one_kind(self) -> "Search[T]":
        ends = (self.low is not None) + (self.high is not None)
        if ends != (0 if self.choices else 2):
            raise ValueError("give low and high, or choices, or a single value")
        if self.low is not None and self.high is not None:
            if self.low >= self.high:
                raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
            if self.log and self.low <= 0:
                raise ValueError(f"a range on a log scale must start above 0, not at {self.low}")
        return self

    @property
    def middle(self) -> T:
        """The middle of the range (the geometric middle, if ``log``), or the first of the choices."""
        if self.low is None or self.high is None:
            return self.choices[0]
        between = sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return type(self.low)(between)

    @property
    def is_open(self) -> bool:
        """Whether there is more than one value to try."""
        return len(self.choices) != 1

    def suggest(self, trial: Trial, name: str) -> T:
        """Let Optuna draw the value of the hyperparameter for a trial."""
        if self.low is None or self.high is None:
            return trial.suggest_categorical(name, self.choices)
        if isinstance(self.low, int):
            return trial.suggest_int(name, self.low, int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


class Space(Params):
    """The hyperparameters of one algorithm, and its number of trials; 0 leaves the algorithm out."""

    trials: int = Field(default=1, ge=0)

    @property
    def searched(self) -> dict[str, Search]:
        """The hyperparameters that have more than one value to try."""
        return {name: value for name, value in self if isinstance(value, Search) and value.is_open}

    @property
    def middle(self) -> dict[str, Any]:
        """One value for every hyperparameter: the middle of each range, the first of the choices."""
        return {name: value.middle if isinstance(value, Search) else value for name, value in self if name != "trials"}


class HeuristicSpace(Space):
    """Rates by group. ``by``: columns from coarse to fine; ``steps``: bin widths of numeric columns."""

    by: tuple[str, ...] = Field(min_length=1)
    steps: dict[str, PositiveFloat] = Field(default={})
    pseudo_rows: Search[PositiveFloat] = Search[PositiveFloat](choices=(20.0,))

    @model_validator(mode="after")
    def _steps_of_groups(self) -> "HeuristicSpace":
        stray = [f"{name!r}{did_you_mean(name, self.by)}" for name in self.steps if name not in self.by]
        if stray:
            raise ValueError(
                f"'steps' has columns that are not in 'by': {', '.join(stray)}. "
                "Add them to 'by', or remove them from 'steps'."
            )
        return self


class LogisticSpace(Space):
    """Logistic regression: ``C`` is the inverse of the L2 penalty; at most ``max_rows`` evenly spaced rows are used."""

    trials: int = Field(default=3, ge=0)
    C: Search[PositiveFloat] = Search[PositiveFloat](low=1e-4, high=1e-1, log=True)
    max_rows: PositiveInt = 60_000


class LightGBMSpace(Space):
    """LightGBM: at most ``rounds`` trees; a trial stops after ``patience`` trees without a lower validation loss.

    The default space has a small ``feature_fraction``, which gives each of many correlated features its turn, and a low
    ``learning_rate``, because many small steps hold up better under drift than few large ones.
    """

    trials: int = Field(default=4, ge=0)
    rounds: PositiveInt = 1_000
    patience: PositiveInt = 30
    learning_rate: Search[Share] = Search[Share](choices=(0.03,))
    num_leaves: Search[Leaves] = Search[Leaves](low=24, high=96, log=True)
    min_data_in_leaf: Search[PositiveInt] = Search[PositiveInt](low=100, high=600, log=True)
    feature_fraction: Search[Share] = Search[Share](low=0.1, high=0.3)
    bagging_fraction: Search[Share] = Search[Share](choices=(0.8,))
    lambda_l2: Search[PositiveFloat] = Search[PositiveFloat](low=1.0, high=25.0, log=True)


SPACES: Mapping[str, type[Space]] = {
    "heuristic": HeuristicSpace,
    "logistic_regression": LogisticSpace,
    "lightgbm": LightGBMSpace,
}


class Algorithms(Params):
    """The algorithms that compete, each with its search space."""

    heuristic: HeuristicSpace
    logistic_regression: LogisticSpace = LogisticSpace()
    lightgbm: LightGBMSpace = LightGBMSpace()

    @model_validator(mode="after")
    def _someone_competes(self) -> "Algorithms":
        if not any(space.trials for _, space in self):
            raise ValueError("no algorithm has a trial: set trials above 0 for at least one algorithm")
        return self
