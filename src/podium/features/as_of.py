"""The filter for rows that were known at a given time. Every computation as of a time uses this filter."""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["all_known_at", "known_at"]


def known_at(frame: DataFrame, moment: datetime, *, by: str = "available_at") -> DataFrame:
    """Keep the rows that were known at ``moment``.

    Args:
        frame: events, feature rows, requests or labels.
        moment: in UTC, inclusive.
        by: the column with the time at which a row became known.
    """
    return frame.filter(F.col(by) <= F.lit(moment))


def all_known_at(events: Mapping[str, DataFrame], moment: datetime) -> dict[str, DataFrame]:
    """Filter each event's bronze table to the rows that were known at ``moment``. Lazy."""
    return {name: known_at(frame, moment) for name, frame in events.items()}
