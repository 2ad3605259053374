"""Parameters of monitoring: when a month is judged, and how much worse is too much."""

from typing import Literal, Self

from pydantic import Field, model_validator

from podium.problems.base import Params

__all__ = ["Levels", "MonitoringParams", "Words"]


class Levels(Params):
    """From ``warning`` on an alert is raised, from ``critical`` on it is a critical one."""

    warning: float = Field(ge=0)
    critical: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical < self.warning:
            raise ValueError(f"critical ({self.critical}) must be at least warning ({self.warning})")
        return self


class Words(Params):
    """What the reports call a row and a positive label: '16% of <things> were <positive>'."""

    things: str = "cases"
    positive: str = "positive"


class MonitoringParams(Params):
    """Parameters of the monitoring pipeline.

    Attributes:
        months: how many months a run looks at, the month of ``as_of`` included.
        label_lag_hours: how long after a month's end its labels are taken as complete.
        min_rows: a month with fewer rows (labels, for performance) is reported and never judged.
        confidence: probability that a month in which nothing changed raises no alert of a kind, by chance alone.
        bins: bins of a number, equally full in the reference.
        level_share: a category rarer than this in the reference counts as ``other``.
        psi: a feature has drifted from ``psi.warning`` on. 0.1 and 0.25 are the customary levels (N. Siddiqi, Credit
            Risk Scorecards, 2006); where few rows make more noise than that, the noise is the level.
        drifted_share: share of all features that must have drifted for an alert, beside one drifted to ``psi.critical``.
        performance: metric -> how much worse than at evaluation. Log loss and Brier score move with the share of
            positives alone, so name them only where that share is stable.
        calibration: levels of the calibration error.
        sample_rows: rows of each side in the Evidently report, and to find the bins with (four times as many).
        report_features: features in the Evidently report and in the heat map, the most drifted ones.
    """

    months: int = Field(12, ge=1)
    label_lag_hours: int = Field(48, ge=0)
    min_rows: int = Field(200, ge=1)
    confidence: float = Field(0.99, gt=0.5, lt=1)
    bins: int = Field(10, ge=2, le=100)
    level_share: float = Field(0.01, gt=0, lt=1)
    psi: Levels = Levels(warning=0.1, critical=0.25)
    performance: dict[Literal["roc_auc", "log_loss", "brier"], Levels] = {"roc_auc": Levels(warning=0.02, critical=0.05)}
    calibration: Levels = Levels(warning=0.03, critical=0.06)
    sample_rows: int = Field(5_000, ge=100, le=100_000)
    report_features: int = Field(20, ge=1)
    words: Words = Words()
