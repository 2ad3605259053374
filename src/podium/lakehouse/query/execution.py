"""Run a query on the environment's engine. The catalog loads each table of the query, under the access rules."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from kedro.io import DataCatalog, DatasetError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from podium.errors import PodiumError
from podium.lakehouse import engine
from podium.lakehouse.listing import table_places

from .statement import QueryError, read_statement

__all__ = ["Answer", "engine_errors", "first_rows", "require_unique_names", "run_query"]

# Remove from errors the names that PySpark gives to frames inside SQL, and positions in the rewritten SQL: both mean
# nothing to the user.
VIEW = re.compile(r"`?_pyspark_\w+`?")
PLACE = re.compile(r"[; ]*\(?line \d+,? pos(ition)? \d+\)?;?| at \d+:\d+")
# Silence this logger of PySpark, which writes the JVM's stack traces to the terminal as JSON.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Answer:
    """The result of a query.

    Attributes:
        frame: its rows, as a lazy frame.
        versions: table -> the version that the query reads.
    """

    frame: DataFrame
    versions: dict[str, int] = field(default_factory=dict)


def run_query(text: str, catalog: Mapping[str, Mapping[str, Any]]) -> Answer:
    """Run a query over the tables of a catalog.

    Args:
        text: SQL.
        catalog: the configured entries of the catalog, including dataset factories.

    Raises:
        QueryError: the query is refused, or the engine cannot run it.
        AccessError: the principal may not read one of the tables.
    """
    statement = read_statement(text, [place.name for place in table_places(catalog)])
    datasets = DataCatalog.from_config({name: dict(entry) for name, entry in catalog.items()})
    opened: dict[str, Any] = {place: datasets.get(name) for place, name in statement.tables.items()}
    with engine_errors():
        frames = {place: dataset.load() for place, dataset in opened.items()}
        versions = {statement.tables[place]: dataset.loaded_version for place, dataset in opened.items()}
        if statement.describes:
            return Answer(_columns(frames["t0"]), versions)
        # No temporary view needs to be dropped here: PySpark itself drops the views that it creates for the frames, and
        # Spark Connect creates no views, because it sends the frames with the query.
        return Answer(engine.session().sql(statement.sql, **frames), versions)


def first_rows(frame: DataFrame, limit: int) -> tuple[pa.Table, bool]:
    """The first ``limit`` rows of a frame, and whether the frame has more rows."""
    with engine_errors():
        rows = frame.limit(limit + 1).toArrow()
    return rows.slice(0, limit), len(rows) > limit


def require_unique_names(names: Sequence[str]) -> None:
    """Raise a QueryError if two columns of a result have the same name, because a file or JSON needs unique names."""
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise QueryError(f"The result repeats the column name {', '.join(twice)}. Rename one of the columns with AS.")


@contextmanager
def engine_errors() -> Iterator[None]:
    """Convert exceptions of an engine to a QueryError with the first line of their text."""
    try:
        yield
    except (PySparkException, Py4JError, pa.ArrowException) as wrong:
        raise QueryError(engine.trouble() or _said(wrong)) from wrong
    except DatasetError as wrong:
        if isinstance(wrong, PodiumError):
            raise
        # Kedro wraps the exception of a failed load in a DatasetError, so show the wrapped exception.
        raise QueryError(engine.trouble() or _said(wrong.__cause__ or wrong)) from wrong


def _columns(frame: DataFrame) -> DataFrame:
    found = [(each.name, each.dataType.simpleString()) for each in frame.schema.fields]
    return engine.session().createDataFrame(found, "column string, type string")


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return PLACE.sub("", VIEW.sub("the table", next(filter(None, lines), type(error).__name__)))
