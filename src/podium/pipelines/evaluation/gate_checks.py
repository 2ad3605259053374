"""The checks of the deployment gate. Each compares a value of the candidate with a threshold from the parameters.

Every check can fail. The thresholds have bounds, because a minimum AUC of 0.5 or less would accept a random score. A
check with an undefined value fails. Comparisons with another model use the unfavourable end of the confidence interval.
"""

import math
from datetime import datetime

from .parameters import Thresholds
from .records import Check, Estimate, Scores, Slice, Window

__all__ = ["Check", "gate_checks"]


def gate_checks(
    thresholds: Thresholds,
    *,
    rows: int,
    window: Window,
    candidate: Scores,
    gain_over_baseline: Scores,
    gain_over_champion: Scores | None,
    slices: tuple[Slice, ...],
) -> tuple[Check, ...]:
    """Run every check of the gate. Without a champion, the comparison with the champion is left out."""
    t = thresholds
    checks = [
        _unseen(window),
        _floor("enough_rows", "Held-out rows", rows, t.min_rows),
        _floor("enough_days", "Days with held-out rows", window.days, t.min_days),
        _floor("auc", "ROC AUC", candidate.auc.value, t.min_auc),
        _ceiling("log_loss", "Log loss", candidate.log_loss.value, t.max_log_loss),
        _ceiling("calibration_error", "Calibration error", candidate.calibration_error.value, t.max_calibration_error),
        _better(gain_over_baseline.auc, t.min_gain_over_baseline_auc),
        _worst_slice(slices, t.min_slice_auc),
    ]
    if gain_over_champion is not None:
        checks.append(_not_worse(gain_over_champion.auc, t.max_loss_to_champion_auc))
    return tuple(checks)


def _check(name: str, passed: bool, value: float | None, threshold: float | None, reason: str) -> Check:
    finite = value is not None and math.isfinite(value)
    if not finite:
        return Check(name=name, passed=False, value=None, threshold=threshold, reason=f"{reason}: it is not defined.")
    return Check(name=name, passed=passed, value=value, threshold=threshold, reason=f"{reason}.")


def _floor(name: str, what: str, value: float | None, least: float) -> Check:
    passed = value is not None and value >= least
    return _check(name, passed, value, least, f"{what}: {_shown(value)}, at least {_shown(least)} needed")


def _ceiling(name: str, what: str, value: float | None, most: float) -> Check:
    passed = value is not None and value <= most
    return _check(name, passed, value, most, f"{what}: {_shown(value)}, at most {_shown(most)} allowed")


def _better(gain: Estimate, least: float) -> Check:
    passed = gain.low is not None and gain.low > least
    what = f"ROC AUC over the baseline {_shown(gain.value, sign=True)}, at the low end {_shown(gain.low, sign=True)}"
    return _check("gain_over_baseline", passed, gain.low, least, f"{what}; the low end must be above {_shown(least)}")


def _not_worse(gain: Estimate, most_lost: float) -> Check:
    """Check that the candidate is not inferior to the champion: the interval excludes a loss above ``most_lost``."""
    passed = gain.low is not None and gain.low >= -most_lost
    what = f"ROC AUC over the champion {_shown(gain.value, sign=True)}, at the low end {_shown(gain.low, sign=True)}"
    asked = f"; the low end must be at least {_shown(-most_lost, sign=True)}"
    return _check("not_worse_than_champion", passed, gain.low, -most_lost, what + asked)


def _worst_slice(slices: tuple[Slice, ...], least: float) -> Check:
    known = [part for part in slices if part.auc is not None]
    worst = min(known, key=lambda part: part.auc or 0.0, default=None)
    if worst is None or worst.auc is None:
        return _check("worst_slice", False, None, least, "ROC AUC of the worst slice (no slice has rows enough)")
    what = f"ROC AUC of the worst slice ({worst.slice} {worst.value}, {worst.rows:,} rows)"
    return _floor("worst_slice", what, worst.auc, least)


def _unseen(window: Window) -> Check:
    """Check that the last prediction time in training is before the first prediction time of the held-out rows."""
    if window.trained_until is None:
        return _check("unseen", False, None, None, "Distance from training to the held-out rows")
    hours = (window.first - window.trained_until).total_seconds() / 3600
    reason = f"Training ends {_moment(window.trained_until)}, the held-out rows begin {_moment(window.first)}"
    return _check("unseen", hours > 0, hours, 0.0, f"{reason} ({hours:+,.1f} hours)")


def _shown(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "none"
    plus = "+" if sign else ""
    return f"{value:,}" if isinstance(value, int) else f"{value:{plus}.4f}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
