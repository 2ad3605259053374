"""The time up to which each feature table is computed, and a check that every table reaches a run's ``as_of``."""

from datetime import datetime

import pandas as pd
from pyspark.sql import DataFrame

from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command
from podium.problems.base import Problem

__all__ = ["reached", "require_reached"]


def reached(refreshes: DataFrame) -> dict[str, pd.Timestamp]:
    """The time (UTC) up to which each feature table is computed, by table name."""
    # Don't use collect(): it converts timestamps to the local time zone.
    rows = refreshes.select("table", "until").toPandas()
    return dict(zip(rows["table"], pd.to_datetime(rows["until"], utc=True), strict=True))


def require_reached(refreshes: DataFrame, as_of: datetime, problem: Problem) -> None:
    """Fail if a feature table ends before ``as_of``. Otherwise features not yet computed would look like missing ones.

    Raises:
        PodiumError: a feature table ends too early. The message names every such table.
    """
    ends = reached(refreshes)
    short = {table.name: ends.get(table.name) for table in problem.tables if not _covers(ends.get(table.name), as_of)}
    if short:
        named = ", ".join(f"{name} ({end:%Y-%m-%d %H:%M})" if end else f"{name} (empty)" for name, end in short.items())
        raise PodiumError(
            f"{problem.name}: these feature tables end before as_of ({as_of:%Y-%m-%d %H:%M} UTC): {named}. "
            f"To refresh them: {run_command('feature_engineering', as_of=as_of)}"
        )


def _covers(end: pd.Timestamp | None, as_of: datetime) -> bool:
    return end is not None and end >= pd.Timestamp(as_of)
