"""The training set: for each request, the features known when it was made, and the label that became known later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.features.code import definitions
from podium.features.feature_join import described, labelled, requests_between
from podium.features.refreshes import refreshed, require_usable
from podium.lakehouse.table import Rows
from podium.problems.base import Problem

__all__ = ["build_training_set", "check_features", "events_read"]


def events_read(problem: Problem) -> tuple[str, ...]:
    """The names of the events that requests and labels are built from, without duplicates."""
    return tuple(dict.fromkeys((*problem.request_reads, *problem.label_reads)))


def check_features(as_of: datetime, refreshes: DataFrame, *, problem: Problem) -> dict[str, Any]:
    """Check that the feature tables reach ``as_of`` and that this code computed them.

    Returns what the model version has to record of them: the ``definitions`` of its features, and, for each event, the
    number of the newest intake that all tables have ``seen``.

    Raises:
        PodiumError: a table ends too early, or other code computed it.
    """
    require_usable(refreshes, as_of, problem)
    found, seen = refreshed(refreshes), dict[str, int]()
    for name in problem.uses:
        for event, number in found[name].seen.items():
            seen[event] = min(number, seen.get(event, number))
    return {"definitions": definitions(problem), "seen": seen}


def build_training_set(as_of: datetime, features: dict[str, Any], *frames: DataFrame, problem: Problem) -> Rows:
    """Join each request whose label was known at ``as_of`` with the features known at its ``prediction_time``.

    Args:
        as_of: the time of the training set, stored in each row. The rows replace those of an earlier run with the same
            ``as_of``.
        features: from ``check_features``, so that this node runs after that one.
        frames: the bronze tables of ``events_read``, then the feature tables in the order of ``problem.tables``.
        problem: the ML question.
    """
    events = events_read(problem)
    bronze = dict(zip(events, frames, strict=False))
    tables = dict(zip(problem.uses, frames[len(events) :], strict=True))
    asked = requests_between(bronze, problem, after=None, until=as_of)
    known = labelled(asked, bronze, problem, as_of=as_of)
    rows = described(known, tables, problem, keep=("label", "label_available_at"))
    return Rows(
        frame=rows.select(F.lit(as_of).alias("as_of"), "*"),
        keys=("as_of", *problem.keys),
        window=f"as_of = TIMESTAMP '{as_of:%Y-%m-%d %H:%M:%S.%f}'",
    )
