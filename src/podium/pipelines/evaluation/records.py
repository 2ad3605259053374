"""The results of an evaluation as frozen records that survive a round trip through JSON. None means "not defined"."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from podium.errors import PodiumError

__all__ = ["Bin", "Check", "Estimate", "Evaluation", "EvaluationError", "Record", "Scores", "Slice", "Window"]


class EvaluationError(PodiumError):
    """A model cannot be evaluated on the given held-out rows."""


class Record(BaseModel):
    """A frozen record. Refuses NaN and infinity: JSON has neither, and a gate cannot compare them with a threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Estimate(Record):
    """A value and the ends of its 95% confidence interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Scores(Record):
    """The metrics of a model, or the differences between the metrics of two models."""

    auc: Estimate
    average_precision: Estimate
    log_loss: Estimate
    brier: Estimate
    calibration_error: Estimate


class Bin(Record):
    """The rows whose score lies between two edges. In an empty bin, mean score and positive rate are undefined."""

    low: float
    high: float
    rows: int
    mean_score: float | None
    positive_rate: Estimate


class Slice(Record):
    """The candidate's metrics on rows with the same value of a slice column; None for too few rows or one class."""

    slice: str
    value: str
    rows: int
    positive_rate: float
    mean_score: float
    auc: float | None
    log_loss: float | None
    calibration_gap: float | None


class Check(Record):
    """The result of one check of the gate: the value, the threshold, and the reason as a sentence."""

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    reason: str


class Window(Record):
    """The held-out period: first and last prediction time (UTC), and the number of days that have rows."""

    as_of: datetime
    first: datetime
    last: datetime
    days: int
    trained_until: datetime | None


class Evaluation(Record):
    """The evaluation of one candidate; every model is measured on the same rows.

    Attributes:
        algorithms: the algorithms of ``candidate``, ``baseline`` and, if there is one, ``champion``.
        features: number of the candidate's features.
        gain_over_baseline: candidate minus baseline; for a loss or an error, a negative gain is good.
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
        """Whether there is at least one check, and all checks passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)
