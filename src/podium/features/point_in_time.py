"""The point-in-time join: for each request, the newest feature row that was known when the request was made."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import FeatureTable

__all__ = ["latest_known", "point_in_time_join"]


def point_in_time_join(
    requests: DataFrame, tables: Mapping[FeatureTable, DataFrame], *, time: str = "prediction_time"
) -> DataFrame:
    """Add to each request the features of every table as they were known at the request's ``time``.

    Returns every request exactly once. Features that were unknown or stale at that time are null.

    Args:
        requests: rows with the entity columns of every table, and ``time``.
        tables: the definition of each feature table and its rows, unique by entity and ``feature_time``.
        time: the column of ``requests`` with the time of the lookup.
    """
    joined = requests
    for table, rows in tables.items():
        # Look up each table for the original requests, not for the rows joined so far: otherwise the query plan would
        # double in size with every table.
        joined = joined.join(latest_known(requests, table, rows, time=time), [*table.entity, time], "left")
    return joined


def latest_known(requests: DataFrame, table: FeatureTable, rows: DataFrame, *, time: str) -> DataFrame:
    """For each distinct entity and ``time`` of ``requests``, find the newest row with ``feature_time <= time``.

    A row older than the table's freshness counts as unknown. A running maximum over the union of ``requests`` and
    ``rows``, ordered by time, finds the newest ``feature_time``. It costs one sort instead of a comparison of every
    request with every row. An equality join then fetches the features.
    """
    if table.grid is not None:
        return _on_grid(requests, table, rows, time=time)
    entity = list(table.entity)
    asked = requests.select(*entity, F.col(time).alias("_at")).distinct()
    both = asked.withColumn("_known", F.lit(None).cast("timestamp")).unionByName(
        rows.select(*entity, F.col("feature_time").alias("_at"), F.col("feature_time").alias("_known"))
    )
    # The running maximum of feature_time. A window frame includes all rows of equal time, so a request at exactly the
    # feature_time of a row finds that row.
    newest = F.max("_known").over(Window.partitionBy(*entity).orderBy("_at"))
    answers = both.withColumn("feature_time", newest).filter(F.col("_known").isNull())
    fresh = answers.filter(F.col("feature_time") >= F.col("_at") - F.lit(table.freshness)).drop("_known")
    names = [feature.name for feature in table.features]
    return fresh.join(rows.select(*entity, "feature_time", *names), [*entity, "feature_time"]).select(
        *entity, F.col("_at").alias(time), *names
    )


def _on_grid(requests: DataFrame, table: FeatureTable, rows: DataFrame, *, time: str) -> DataFrame:
    """``latest_known`` for a table with rows on a time grid: find the row of the last grid point up to ``time``."""
    assert table.grid is not None
    step = int(table.grid.total_seconds())
    moment = F.timestamp_seconds(F.floor(F.unix_timestamp(time) / step) * step)
    asked = requests.select(*table.entity, time).distinct().withColumn("feature_time", moment)
    known = rows.select(*table.entity, "feature_time", *[feature.name for feature in table.features])
    return asked.join(known, [*table.entity, "feature_time"]).drop("feature_time")
