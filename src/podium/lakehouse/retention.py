"""How long a table is kept after its last write: a property of the table, in words."""

import re
from datetime import timedelta

from podium.lakehouse.errors import LakehouseError

__all__ = ["RETENTION", "time_span"]

RETENTION = "podium.retention"
SPAN = re.compile(r"(\d+) (minute|hour|day|week)s?")


def time_span(text: str) -> timedelta:
    """The time span that a text such as ``14 days`` says.

    Raises:
        LakehouseError: it says none.
    """
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise LakehouseError(f"{text!r} is no time span; write 14 days, or 36 hours.")
    return timedelta(**{f"{found[2]}s": int(found[1])})
