"""The training set: for each request, the features known when it was made, and the label that became known later."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.features.feature_join import described, labelled, requests_between
from podium.features.refreshes import require_reached
from podium.lakehouse.table import Rows
from podium.problems.base import Problem

__all__ = ["build_training_set", "events_read"]


def events_read(problem: Problem) -> tuple[str, ...]:
    """The names of the events that requests and labels are built from, without duplicates."""
    return tuple(dict.fromkeys((*problem.request_reads, *problem.label_reads)))


def build_training_set(as_of: datetime, refreshes: DataFrame, *frames: DataFrame, problem: Problem) -> Rows:
    """Join each request whose label was known at ``as_of`` with the features known at its ``prediction_time``.

    Args:
        as_of: the time of the training set, stored in each row. The rows replace those of an earlier run with the same
            ``as_of``.
        refreshes: how far the feature tables reach; they must reach ``as_of``.
        frames: the bronze tables of ``events_read``, then the feature tables in the order of ``problem.tables``.
        problem: the ML question.
    """
    require_reached(refreshes, as_of, problem)
    events = events_read(problem)
    bronze = dict(zip(events, frames, strict=False))
    tables = {table.name: frame for table, frame in zip(problem.tables, frames[len(events) :], strict=True)}
    asked = requests_between(bronze, problem, after=None, until=as_of)
    known = labelled(asked, bronze, problem, as_of=as_of)
    rows = described(known, tables, problem, keep=("label", "label_available_at"))
    return Rows(
        frame=rows.select(F.lit(as_of).alias("as_of"), "*"),
        keys=("as_of", *problem.keys),
        window=f"as_of = TIMESTAMP '{as_of:%Y-%m-%d %H:%M:%S.%f}'",
    )
