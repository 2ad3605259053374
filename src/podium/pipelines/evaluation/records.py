"""What an evaluation finds, as frozen records that go to JSON and come back the same. None is "not defined"."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from podium.errors import PodiumError

__all__ = ["Bin", "Check", "Estimate", "Evaluation", "EvaluationError", "Record", "Scores", "Slice", "Window"]


# What evaluation needs of a model is what every model promises.


class EvaluationError(PodiumError):
    """A model cannot be evaluated on these rows."""


class Record(BaseModel):
    """A frozen fact. NaN and infinity are refused: JSON has no word for them, and a gate cannot judge them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Estimate(Record):
    """A figure and the ends of its 95% confidence interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Scores(Record):
    """How well a model did, or by how much it did better or worse than another (differences)."""

    auc: Estimate
    average_precision: Estimate
    log_loss: Estimate
    brier: Estimate
    calibration_error: Estimate


class Bin(Record):
    """The rows whose score lies between two edges; nothing but the count is defined when there are none."""

    low: float
    high: float
    rows: int
    mean_score: float | None
    positive_rate: Estimate


class Slice(Record):
    """How well the candidate did on the rows that share one value; metrics are None where they say nothing."""

    slice: str
    value: str
    rows: int
    positive_rate: float
    mean_score: float
    auc: float | None
    log_loss: float | None
    calibration_gap: float | None


class Check(Record):
    """The result of one gate: what was found, what was asked, and a sentence for the person who decides."""

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    reason: str


class Window(Record):
    """The held-out period: prediction times (UTC) from the first to the last, and the days that have rows."""

    as_of: datetime
    first: datetime
    last: datetime
    days: int
    trained_until: datetime | None


class Evaluation(Record):
    """All that the evaluation of one candidate found, on the same rows for every model.

    Attributes:
        algorithms: of ``candidate``, ``baseline`` and, where there is one, ``champion``.
        features: how many the candidate uses.
        gain_over_baseline: candidate minus baseline; a negative gain is good where lower is better.
    """

    algorithms: dict[str, str]
    features: int
    window: Window
    rows: int
    positive_rate: Estimate
    candidate: Scores
    baseline: Scores
    champion: Scores | None
    gain_over_baseline: Scores
    gain_over_champion: Scores | None
    calibration: tuple[Bin, ...]
    slices: tuple[Slice, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether there are checks, and all of them passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)
