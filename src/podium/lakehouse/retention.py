"""Retention: the property that says how long a table is kept after its last write, such as ``14 days``; time spans."""

import re
from datetime import timedelta

from podium.lakehouse.errors import LakehouseError

__all__ = ["RETENTION", "time_span"]

RETENTION = "podium.retention"
SPAN = re.compile(r"(\d+) ?(s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def time_span(text: str) -> timedelta:
    """Parse a time span such as ``14 days`` or ``10s``.

    Raises:
        LakehouseError: the text is not a time span.
    """
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise LakehouseError(f"{text!r} is not a time span. Write it as 14 days, 36 hours, 15m or 10s.")
    return timedelta(**{UNITS[found[2][0]]: int(found[1])})
