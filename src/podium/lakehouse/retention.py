"""Retention: the property that says how long a table is kept after its last write, such as ``14 days``."""

import re
from datetime import timedelta

from podium.lakehouse.errors import LakehouseError

__all__ = ["RETENTION", "time_span"]

RETENTION = "podium.retention"
SPAN = re.compile(r"(\d+) (minute|hour|day|week)s?")


def time_span(text: str) -> timedelta:
    """Parse a time span such as ``14 days``.

    Raises:
        LakehouseError: the text is not a time span.
    """
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise LakehouseError(f"{text!r} is not a time span. Write it as 14 days or 36 hours.")
    return timedelta(**{f"{found[2]}s": int(found[1])})
