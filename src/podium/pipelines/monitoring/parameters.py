"""Parameters of monitoring: when a month is judged, and how much worse is too much."""

from typing import Self

from pydantic import Field, model_validator

from podium.problems.base import Params
from podium.reports.words import ReportWords

__all__ = ["Levels", "MonitoringParams", "ReportWords", "Tolerated"]


class Levels(Params):
    """From ``warning`` on an alert is raised, from ``critical`` on it is a critical one."""

    warning: float = Field(ge=0)
    critical: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical < self.warning:
            raise ValueError(f"critical ({self.critical}) must be at least warning ({self.warning})")
        return self


class Tolerated(Params):
    """How much worse than at evaluation a metric may be; a metric without levels is not judged.

    Average precision, log loss and Brier score move with the share of positives alone: give them levels only where that
    share is stable.
    """

    auc: Levels | None = Levels(warning=0.02, critical=0.05)
    average_precision: Levels | None = None
    log_loss: Levels | None = None
    brier: Levels | None = None

    @property
    def judged(self) -> dict[str, Levels]:
        """The metrics that have levels."""
        return {name: levels for name, levels in self if levels is not None}


class MonitoringParams(Params):
    """Parameters of the monitoring pipeline.

    Attributes:
        months: how many months a run looks at, the month of ``as_of`` included.
        label_lag_hours: how long after a month's end its labels are taken as complete.
        min_rows: a month of fewer rows is reported and not judged.
        min_days: neither is a month with predictions on fewer days: it may differ from the others by its weather alone.
        confidence: probability that a month in which nothing changed raises no alert of a kind.
        bins: bins of a number, equally full in the reference.
        level_share: a category rarer than this in the reference counts as ``other``.
        psi: levels of the PSI. 0.1 and 0.25 are customary (N. Siddiqi, Credit Risk Scorecards, 2006). Where few rows
            make more noise than ``psi.warning``, the noise is the level.
        drifted_share: feature drift is critical from this share of drifted features on.
        performance: how much worse than at evaluation each metric may be.
        calibration: levels of the calibration error.
        sample_rows: rows of each side in the Evidently report.
        report_features: how many features, the most drifted ones, the reports show.
        words: what the reports call a row and a positive label.
    """

    months: int = Field(12, ge=1)
    label_lag_hours: int = Field(48, ge=0)
    min_rows: int = Field(200, ge=1)
    min_days: int = Field(7, ge=2)
    confidence: float = Field(0.99, gt=0.5, lt=1)
    bins: int = Field(10, ge=2, le=100)
    level_share: float = Field(0.01, gt=0, lt=1)
    psi: Levels = Levels(warning=0.1, critical=0.25)
    drifted_share: float = Field(0.5, gt=0, le=1)
    performance: Tolerated = Tolerated()
    calibration: Levels = Levels(warning=0.03, critical=0.06)
    sample_rows: int = Field(5_000, ge=100, le=20_000)
    report_features: int = Field(20, ge=1)
    words: ReportWords = ReportWords()
