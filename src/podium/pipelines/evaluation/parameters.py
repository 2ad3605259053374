"""Parameters of the evaluation. Their bounds refuse a threshold that every model would pass."""

import math

from pydantic import Field

from podium.reports.words import ReportWords
from podium.validation import Params

__all__ = ["CardText", "EvaluationParams", "ReportWords", "Thresholds"]


class Thresholds(Params):
    """The thresholds that a candidate must meet on the held-out rows."""

    min_rows: int = Field(default=1_000, ge=2)
    min_days: int = Field(default=7, ge=2, description="fewer days give no meaningful interval")
    min_auc: float = Field(default=0.70, gt=0.5, lt=1)
    max_log_loss: float = Field(default=0.60, gt=0, lt=math.log(2), description="a constant score of 0.5 has log 2")
    max_calibration_error: float = Field(default=0.10, gt=0, lt=0.5)
    min_gain_over_baseline_auc: float = Field(default=0.0, ge=0, lt=0.5)
    max_loss_to_champion_auc: float = Field(default=0.005, ge=0, lt=0.5)
    min_slice_auc: float = Field(default=0.60, ge=0.5, lt=1)


class CardText(Params):
    """The texts of the model card that no measurement can give."""

    purpose: str = ""
    users: str = ""
    not_for: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class EvaluationParams(Params):
    """Parameters of evaluation: held-out period, bootstrap, slices, thresholds, texts.

    Attributes:
        holdout_days: rows predicted in this many days before ``as_of`` are held out.
        settle_hours: rows predicted within this many hours before ``as_of`` are left out. The outcomes known so early
            are a biased sample, because one outcome may become known sooner than the other.
        time_zone: time zone of the days in the bootstrap over days.
        resamples: number of bootstrap resamples.
        slice_min_rows: a value of a slice with fewer rows gets no metrics.
        explain_rows: number of sampled rows whose scores are explained.
        seed: seed of the bootstrap and of the sample.
    """

    holdout_days: int = Field(default=28, ge=1)
    settle_hours: int = Field(default=24, ge=0)
    time_zone: str = "UTC"
    resamples: int = Field(default=1_000, ge=100, le=10_000)
    slice_min_rows: int = Field(default=300, ge=2)
    explain_rows: int = Field(default=1_000, ge=1, le=20_000)
    seed: int = Field(default=2013, ge=0)
    thresholds: Thresholds = Thresholds()
    words: ReportWords = ReportWords()
    card: CardText = CardText()
