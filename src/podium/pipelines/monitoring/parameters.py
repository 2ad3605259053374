"""Parameters of monitoring: which months are judged, and which changes raise an alert."""

from typing import Self

from pydantic import Field, model_validator

from podium.reports.words import ReportWords
from podium.validation import Params

__all__ = ["Levels", "MonitoringParams", "ReportWords", "Tolerated"]


class Levels(Params):
    """Thresholds of an alert. Values above ``warning`` raise a warning, those above ``critical`` a critical alert."""

    warning: float = Field(ge=0)
    critical: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical < self.warning:
            raise ValueError(f"critical ({self.critical}) must be at least warning ({self.warning})")
        return self


class Tolerated(Params):
    """How much worse than at evaluation a metric may be. A metric without levels is not judged.

    Set levels for average precision, log loss and Brier score only if the share of positives is stable: a change of
    that share alone changes these metrics.
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
    """Parameters of monitoring: months to read, rows needed to judge a month, alert levels, report sizes.

    Attributes:
        months: how many months a run reads, the month of ``as_of`` included.
        label_lag_hours: hours after a month's end until its labels count as complete.
        min_rows: a month with fewer rows is reported but not judged.
        min_days: a month with predictions on fewer days is not judged either: a few unusual days could dominate it.
        confidence: probability that a month without any change raises no alert of a kind.
        bins: number of bins of a numeric column; each holds the same share of the reference.
        level_share: a category with a smaller share of the reference counts as ``other``.
        psi: levels of the PSI. 0.1 and 0.25 are customary (N. Siddiqi, Credit Risk Scorecards, 2006). If few rows
            make the noise larger than ``psi.warning``, the noise is the level.
        drifted_share: feature drift is critical if at least this share of the features drifted.
        performance: how much worse than at evaluation each metric may be.
        calibration: levels of the calibration error.
        sample_rows: rows of the reference, and of the predictions, in the Evidently report.
        report_features: the reports show this many features, the most drifted first.
        words: the reports' names for rows and labels.
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
