"""Select prediction requests, and join them with their features and, for training, with their labels."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse.batches import as_frame
from podium.problems.base import Problem

from .as_of import first_known, known_at, newest_known
from .point_in_time import point_in_time_join
from .request import add_request_features

__all__ = ["described", "described_few", "labelled", "requests_between"]


def requests_between(
    bronze: Mapping[str, DataFrame], problem: Problem, *, after: datetime | None, until: datetime
) -> DataFrame:
    """Return the requests made later than ``after`` and up to ``until``, from the rows that were known at ``until``."""
    known = first_known(bronze, problem.domain, until)
    asked = known_at(problem.requests(known), until, by="prediction_time")
    return asked if after is None else asked.filter(F.col("prediction_time") > F.lit(after))


def described(
    requests: DataFrame,
    tables: Mapping[str, DataFrame],
    problem: Problem,
    *,
    keep: Sequence[str] = (),
    after: datetime | None = None,
) -> DataFrame:
    """Join each request with all features, as they were known at its ``prediction_time``. Lazy.

    ``after`` is a time before all requests: feature rows that are too old for them are not read.

    Returns keys, ``prediction_time``, the features in the problem's order, and the columns to ``keep``.
    """
    complete = add_request_features(_with_stored(requests, tables, problem, after), problem.request)
    return complete.select(*_columns(problem), *keep)


def described_few(
    requests: pa.Table, tables: Mapping[str, DataFrame], problem: Problem, *, after: datetime | None = None
) -> pa.Table:
    """Do the same for a few requests, at once: the engine only looks up the stored features."""
    stored = _with_stored(as_frame(requests), tables, problem, after).toArrow()
    return add_request_features(stored, problem.request).select(_columns(problem))


def _with_stored(
    requests: DataFrame, tables: Mapping[str, DataFrame], problem: Problem, after: datetime | None
) -> DataFrame:
    rows = {table: tables[table.name] for table in problem.tables}
    if after is not None:
        rows = {
            table: each.filter(F.col("feature_time") >= F.lit(after - table.freshness)) for table, each in rows.items()
        }
    return point_in_time_join(requests, rows)


def _columns(problem: Problem) -> list[str]:
    return [*problem.keys, "prediction_time", *(name for name in problem.feature_names if name not in problem.keys)]


def labelled(requests: DataFrame, bronze: Mapping[str, DataFrame], problem: Problem, *, as_of: datetime) -> DataFrame:
    """Keep the requests whose label was known at ``as_of``; add ``label`` and ``label_available_at``.

    Of facts that were corrected, the label is that of the newest version known at ``as_of``.
    """
    known = newest_known(bronze, problem.domain, as_of)
    labels = known_at(problem.labels(known), as_of, by="label_available_at")
    return requests.join(labels, list(problem.keys))
