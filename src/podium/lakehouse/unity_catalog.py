"""Query tables in Unity Catalog by the engine's SQL, because they have a name but no path that delta-rs can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pyspark.sql import functions as F

from podium.lakehouse import engine
from podium.lakehouse.handle import ByName, handle

__all__ = ["count", "drop", "names", "operations", "properties", "rows_where", "size"]


def names(catalog: str, schemas: re.Pattern[str], tables: re.Pattern[str]) -> Iterator[dict[str, str]]:
    """Find the tables whose schema and name match the patterns, and yield the named groups of each match."""
    session = engine.session()
    for (schema,) in session.sql(f"SHOW SCHEMAS IN `{catalog}`").toPandas().itertuples(index=False):
        if not (fits := schemas.fullmatch(schema)):
            continue
        found = session.sql(f"SHOW TABLES IN `{catalog}`.`{schema}`").toPandas()
        for name in sorted(found["tableName"]):
            if more := tables.fullmatch(name):
                yield fits.groupdict() | more.groupdict()


def count(path: str) -> int:
    """The table's number of rows, which Delta reads from its log."""
    return engine.session().table(handle(path).sql).count()


def rows_where(path: str, **equal: str) -> list[dict[str, Any]]:
    """The table's rows that have the given values in the given columns."""
    table = engine.session().table(handle(path).sql)
    for column, value in equal.items():
        table = table.filter(F.col(column) == value)
    return table.toArrow().to_pylist()


def properties(path: str) -> dict[str, str]:
    """The table's properties."""
    found = engine.session().sql(f"SHOW TBLPROPERTIES {handle(path).sql}").toPandas()
    return dict(zip(found["key"], found["value"], strict=True))


def operations(path: str) -> list[tuple[str, datetime]]:
    """The operation and time (UTC) of each of the table's commits, newest first."""
    table = handle(path)
    assert isinstance(table, ByName)
    return [(commit["operation"], commit["timestamp"].to_pydatetime()) for commit in table.history()]


def size(path: str) -> tuple[int, int]:
    """Number of files and bytes of the table's newest version."""
    found = engine.session().sql(f"DESCRIBE DETAIL {handle(path).sql}").select("numFiles", "sizeInBytes").toPandas()
    return int(found["numFiles"][0]), int(found["sizeInBytes"][0])


def drop(path: str) -> None:
    """Drop the table. A no-op if it does not exist."""
    engine.session().sql(f"DROP TABLE IF EXISTS {handle(path).sql}")
