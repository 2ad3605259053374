"""How far each feature table is computed, and by which code; a check that the tables fit a run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from pyspark.sql import DataFrame

from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command
from podium.problems.base import Problem

from .code import table_code

__all__ = ["Refresh", "refreshed", "require_usable"]


@dataclass(frozen=True)
class Refresh:
    """The last refresh of a feature table.

    Attributes:
        code: the digest of the table's definition then; empty while rows of another definition replace those of it.
        seen: for each event that it reads, the number of the newest intake whose rows it saw.
        until: the time (UTC) that it reached.
    """

    code: str
    seen: Mapping[str, int]
    until: pd.Timestamp


def refreshed(refreshes: DataFrame) -> dict[str, Refresh]:
    """The last refresh of each feature table, by table name."""
    # Don't use collect(): it converts timestamps to the local time zone.
    rows = refreshes.select("table", "code", "seen", "until").toPandas()
    rows["until"] = pd.to_datetime(rows["until"], utc=True)
    rows["seen"] = rows["seen"].map(json.loads)
    return {table: Refresh(*facts) for table, *facts in rows.itertuples(index=False, name=None)}


def require_usable(refreshes: DataFrame, as_of: datetime, problem: Problem) -> None:
    """Check that the problem's feature tables reach ``as_of``, and that the code at hand computed them.

    Raises:
        PodiumError: a table ends too early, or other code computed it. The message names every such table.
    """
    found = refreshed(refreshes)
    _require_current(found, as_of, problem)
    _require_reached(found, as_of, problem)


def _require_reached(refreshes: Mapping[str, Refresh], as_of: datetime, problem: Problem) -> None:
    """Fail if a feature table ends too early. Otherwise features not yet computed would look like missing ones."""
    ends = {name: refreshes[name].until if name in refreshes else None for name in problem.uses}
    short = {name: end for name, end in ends.items() if end is None or end < pd.Timestamp(as_of)}
    if short:
        named = ", ".join(f"{name} ({end:%Y-%m-%d %H:%M})" if end else f"{name} (empty)" for name, end in short.items())
        raise PodiumError(
            f"{problem.name}: these feature tables end before as_of ({as_of:%Y-%m-%d %H:%M} UTC): {named}. "
            f"To refresh them: {run_command('feature_engineering', as_of=as_of)}"
        )


def _require_current(refreshes: Mapping[str, Refresh], as_of: datetime, problem: Problem) -> None:
    """Fail if other code than that at hand computed a feature table of the problem."""
    old = [
        table.name
        for table in problem.tables
        if table.name in refreshes and refreshes[table.name].code != table_code(table)
    ]
    if old:
        raise PodiumError(
            f"{problem.name}: the definitions of these feature tables have changed since they were computed: "
            f"{', '.join(old)}. To compute them again: {run_command('feature_engineering', as_of=as_of)}. Or return to "
            "the code that computed them."
        )
