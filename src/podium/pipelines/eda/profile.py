"""The profile of a table: type, missing and distinct values, range, mean and most frequent values of each column.

One aggregation for each table. Counts and sums are exact, so every engine returns the same profile.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

__all__ = ["LEVELS", "SCHEMA", "TOP", "profile_table", "profile_tables"]

TOP = 5
LEVELS = 200
SCHEMA = (
    "as_of timestamp, table string, column string, type string, rows bigint, missing bigint, distinct bigint, "
    "min string, max string, mean double, top string"
)
# Sum values as decimals, rounded to a millionth. A sum of doubles depends on the order of the additions, so engines
# would give different sums.
EXACT = "decimal(28, 6)"


def profile_tables(tables: Mapping[str, DataFrame], as_of: datetime) -> pd.DataFrame:
    """The profiles of tables as known at ``as_of``: one row for each column of each table.

    Args:
        tables: name -> the rows known at ``as_of``.
        as_of: the moment, with time zone; it becomes the first column.

    Returns:
        The columns of ``SCHEMA``. ``missing`` counts nulls and NaN; ``distinct`` counts the distinct other values.
        ``min`` and ``max`` (as text) are set for numbers and times, ``mean`` for numbers, ``top`` for text with at most
        ``LEVELS`` distinct values. ``top`` is a JSON list of (value, count), the ``TOP`` most frequent first.
    """
    rows = [row for name, frame in tables.items() for row in profile_table(name, frame)]
    names = [column.split()[0] for column in SCHEMA.split(", ")]
    profile = pd.DataFrame(rows, columns=names[1:])
    profile.insert(0, "as_of", pd.Series(pd.Timestamp(as_of).tz_convert("UTC"), index=profile.index))
    return profile


def profile_table(name: str, frame: DataFrame) -> list[dict[str, Any]]:
    """The profile of one table: a dictionary for each column, computed in one Spark action."""
    fields = frame.schema.fields
    measures = [measure for i, field in enumerate(fields) for measure in _measures(i, field)]
    found = frame.agg(F.count(F.lit(1)).alias("rows"), *measures)
    texts = {i: field.name for i, field in enumerate(fields) if _is_text(field.dataType)}
    if texts:
        found = found.crossJoin(_most_frequent(frame, texts))
    answer = found.toArrow().to_pylist()[0]
    return [{"table": name, **_column(i, field, answer)} for i, field in enumerate(fields)]


def _is_number(kind: T.DataType) -> bool:
    return isinstance(kind, T.NumericType)


def _is_time(kind: T.DataType) -> bool:
    return isinstance(kind, (T.TimestampType, T.TimestampNTZType, T.DateType))


def _is_text(kind: T.DataType) -> bool:
    return not _is_number(kind) and not _is_time(kind)


def _measures(i: int, field: T.StructField) -> list[Column]:
    value, kind = F.col(f"`{field.name}`"), field.dataType
    if isinstance(kind, (T.DoubleType, T.FloatType)):
        value = F.when(~F.isnan(value), value)
    if _is_text(kind):
        value = value.cast("string")
    measures = [F.count(value).alias(f"present_{i}"), F.countDistinct(value).alias(f"distinct_{i}")]
    if not _is_text(kind):
        # Return moments as seconds since 1970, because Spark clients convert timestamps to local time differently.
        ordered = F.unix_timestamp(value.cast("timestamp")) if _is_time(kind) else value
        measures += [F.min(ordered).alias(f"min_{i}"), F.max(ordered).alias(f"max_{i}")]
    if _is_number(kind):
        exact = value.try_cast(EXACT)
        # Count the values of a cast column with sum, not with count: Sail 0.7 mistakes count(cast of a column) for
        # count(column), and fails if a query has both.
        measures += [F.sum(exact).alias(f"sum_{i}"), F.sum(exact.isNotNull().cast("bigint")).alias(f"summed_{i}")]
    return measures


def _most_frequent(frame: DataFrame, texts: Mapping[int, str]) -> DataFrame:
    """One row with ``top``: the most frequent values of all text columns as structs (i, rank, value, n)."""
    values = [
        F.struct(F.lit(i).alias("i"), F.col(f"`{name}`").cast("string").alias("value")) for i, name in texts.items()
    ]
    cells = frame.select(F.explode(F.array(*values)).alias("cell")).select("cell.i", "cell.value")
    counts = cells.filter(F.col("value").isNotNull()).groupBy("i", "value").agg(F.count(F.lit(1)).alias("n"))
    rank = F.row_number().over(Window.partitionBy("i").orderBy(F.col("n").desc(), "value"))
    few = counts.withColumn("rank", rank).filter(F.col("rank") <= TOP)
    return few.agg(F.collect_list(F.struct("i", "rank", "value", "n")).alias("top"))


def _column(i: int, field: T.StructField, answer: Mapping[str, Any]) -> dict[str, Any]:
    present, distinct = answer[f"present_{i}"], answer[f"distinct_{i}"]
    whole = _is_number(field.dataType) and present > 0 and answer[f"summed_{i}"] == present
    top = sorted((t["rank"], t["value"], t["n"]) for t in answer.get("top") or () if t["i"] == i)
    return {
        "column": field.name,
        "type": field.dataType.simpleString(),
        "rows": answer["rows"],
        "missing": answer["rows"] - present,
        "distinct": distinct,
        "min": _as_text(answer.get(f"min_{i}"), field.dataType),
        "max": _as_text(answer.get(f"max_{i}"), field.dataType),
        "mean": float(answer[f"sum_{i}"] / present) if whole else None,
        "top": json.dumps([t[1:] for t in top], ensure_ascii=False) if top and distinct <= LEVELS else None,
    }


def _as_text(value: Any, kind: T.DataType) -> str | None:
    if value is None:
        return None
    if not _is_time(kind):
        return str(value)
    moment = datetime.fromtimestamp(value, UTC)
    return moment.strftime("%Y-%m-%d" if isinstance(kind, T.DateType) else "%Y-%m-%d %H:%M:%S")
