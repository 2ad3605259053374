"""The point-in-time join: for each request the newest feature row that was known when it was made."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.problems.base import FeatureTable

__all__ = ["latest_known", "point_in_time_join"]


def point_in_time_join(
    requests: DataFrame, tables: Mapping[FeatureTable, DataFrame], *, time: str = "prediction_time"
) -> DataFrame:
    """Add to each request the features of every table as they were known at the request's ``time``.

    Every request comes out exactly once; features that were not known, or no longer fresh, are null.

    Args:
        requests: rows with the entity columns of every table, and ``time``.
        tables: the definition of each feature table and its rows, unique by entity and ``feature_time``.
        time: the column of ``requests`` that holds the moment of knowledge.
    """
    joined = requests
    for table, rows in tables.items():
        # Asked of the requests themselves, not of the frame joined so far: plans would double with every table.
        joined = joined.join(latest_known(requests, table, rows, time=time), [*table.entity, time], "left")
    return joined


def latest_known(requests: DataFrame, table: FeatureTable, rows: DataFrame, *, time: str) -> DataFrame:
    """For each distinct entity and ``time`` of ``requests``: the newest feature row with ``feature_time <= time``.

    A row older than the table's freshness counts as unknown. The newest moment is found by a union ordered by time and
    a running maximum, which costs one sort and not a comparison for each pair of rows; only then are the features
    fetched, by equality.
    """
    if table.grid is not None:
        return _on_grid(requests, table, rows, time=time)
    entity = list(table.entity)
    asked = requests.select(*entity, F.col(time).alias("_at")).distinct()
    both = asked.withColumn("_known", F.lit(None).cast("timestamp")).unionByName(
        rows.select(*entity, F.col("feature_time").alias("_at"), F.col("feature_time").alias("_known"))
    )
    # A running maximum over time; moments that are equal see each other: what becomes known at a moment is known then.
    newest = F.max("_known").over(Window.partitionBy(*entity).orderBy("_at"))
    answers = both.withColumn("feature_time", newest).filter(F.col("_known").isNull())
    fresh = answers.filter(F.col("feature_time") >= F.col("_at") - F.lit(table.freshness)).drop("_known")
    names = [feature.name for feature in table.features]
    return fresh.join(rows.select(*entity, "feature_time", *names), [*entity, "feature_time"]).select(
        *entity, F.col("_at").alias(time), *names
    )


def _on_grid(requests: DataFrame, table: FeatureTable, rows: DataFrame, *, time: str) -> DataFrame:
    """The same for a table on a grid: the row of the last moment of the grid, if there is one."""
    assert table.grid is not None
    step = int(table.grid.total_seconds())
    moment = F.timestamp_seconds(F.floor(F.unix_timestamp(time) / step) * step)
    asked = requests.select(*table.entity, time).distinct().withColumn("feature_time", moment)
    known = rows.select(*table.entity, "feature_time", *[feature.name for feature in table.features])
    return asked.join(known, [*table.entity, "feature_time"]).drop("feature_time")
