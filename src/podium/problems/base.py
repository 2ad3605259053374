"""The contract that a problem fills in: where its data come from, what counts as good data, features, label.

A problem is one ML question. Everything here is a frozen description plus pure functions, so that a pipeline can be
made from any problem and a test can call any piece by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict
from pyspark.sql import DataFrame

__all__ = [
    "Event",
    "Feature",
    "FeatureTable",
    "Knowledge",
    "Params",
    "Picture",
    "Problem",
    "RequestFeatures",
    "SourceFile",
]


class Params(BaseModel):
    """Parameters that are validated at the door: frozen, and an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One CSV file of the source folder, plain or zipped, and the columns that it must have."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One kind of event found in a source file; it becomes the bronze table ``bronze_<name>``.

    Attributes:
        name: the event, singular.
        source: the name of the source file whose rows report it.
        keys: columns of the bronze row that identify it; of two rows with the same keys the first one stays.
        contract: a pandera ``DataFrameModel`` of the source columns that this event uses, each with its domain.
        claims: raw rows (text) -> which of them report this event.
        build: (typed good rows, reference) -> bronze rows, with ``available_at``, the moment each became knowable.
        schema: the Spark DDL of a bronze row.
    """

    name: str
    source: str
    keys: tuple[str, ...]
    contract: Any
    claims: Callable[[pa.Table], pd.Series]
    build: Callable[[pd.DataFrame, Mapping[str, Any]], pd.DataFrame]
    schema: str


@dataclass(frozen=True)
class Feature:
    """One column that a model may use: its type (of Spark), unit and meaning."""

    name: str
    dtype: str
    unit: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What a feature computation may read: bronze tables by event name, filtered by ``available_at <= until``.

    ``since`` (exclusive) and ``until`` (inclusive) bound the ``feature_time`` of the rows to compute, in UTC; ``since``
    is None for a computation from the beginning.
    """

    bronze: Mapping[str, DataFrame]
    since: datetime | None
    until: datetime


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Stored features that share entity keys: defined once, kept in the feature table ``features_<name>``.

    Attributes:
        entity: the columns that, with ``feature_time``, are the primary key.
        freshness: how old a row may be when it is joined; an older one counts as unknown.
        grid: for a table whose rows lie only at multiples of this since 1970: a row counts until the next moment of
            the grid, whether or not there is a row then. Such a table is joined by equality, which is the quickest.
        reads: the events whose bronze tables the computation uses.
        compute: knowledge -> rows with the entity keys, ``feature_time`` and every feature. Rows with a feature_time
            after ``knowledge.since`` must be the same whether or not earlier ones are computed along with them.
    """

    name: str
    owner: str
    description: str
    entity: tuple[str, ...]
    freshness: timedelta
    reads: tuple[str, ...]
    features: tuple[Feature, ...]
    compute: Callable[[Knowledge], DataFrame]
    grid: timedelta | None = None

    def __post_init__(self) -> None:
        if self.grid is not None and self.grid != self.freshness:
            raise ValueError(f"{self.name}: a row on a grid is fresh until the next one: freshness must be the grid")


@dataclass(frozen=True, kw_only=True)
class RequestFeatures:
    """Features of the request itself: one pure function over columns, called by Spark and by the REST application."""

    inputs: Mapping[str, str]
    features: tuple[Feature, ...]
    compute: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of the exploration: a question about the data, and how the data answer it.

    Attributes:
        title: what is shown.
        question: what a person wants to know.
        table: bronze tables, as known -> the few rows to draw, aggregated by the engine. Only whole numbers are
            summed, so that the picture is the same each time: ``draw`` and ``finding`` divide.
        draw: (matplotlib figure, rows ordered by all columns) draws; no axes means that there is nothing to see.
            Colours ``C0``... are those of the report.
        finding: rows -> one sentence that answers the question. With no rows neither it nor ``draw`` is asked.
        size: width and height in inches; a picture wider than 8 gets the whole width of the page.
    """

    title: str
    question: str
    table: Callable[[Mapping[str, DataFrame]], DataFrame]
    draw: Callable[[Any, pd.DataFrame], None]
    finding: Callable[[pd.DataFrame], str]
    size: tuple[float, float] = (6.4, 3.6)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An ML question with its data, features, label and owner.

    Attributes:
        keys: the entity keys of one prediction.
        sources: the files of the source folder.
        events: every event, in the order in which they are ingested.
        lookups: the source files that are small and that ``reference`` needs.
        reference: (small source files as pandas, event parameters) -> what ``Event.build`` looks things up in.
        event_parameters: the pydantic model of the parameters that ``reference`` takes.
        requests: bronze tables -> one row for each thing to predict: keys, request inputs, entity columns of the
            feature tables, ``prediction_time``.
        request_reads: the events that ``requests`` uses; ``label_reads``, those of ``labels``.
        labels: bronze tables -> keys, ``label`` (0/1), ``label_available_at``.
        categorical: request inputs and keys that a model takes as categories.
        slices: by what performance is shown; name -> Spark SQL expression over keys, request inputs and features.
        pictures: what exploration draws.
    """

    name: str
    title: str
    owner: str
    keys: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    events: tuple[Event, ...]
    lookups: tuple[str, ...]
    reference: Callable[[Mapping[str, pd.DataFrame], Any], Mapping[str, Any]]
    tables: tuple[FeatureTable, ...]
    request: RequestFeatures
    event_parameters: type[Params]
    requests: Callable[[Mapping[str, DataFrame]], DataFrame]
    request_reads: tuple[str, ...]
    labels: Callable[[Mapping[str, DataFrame]], DataFrame]
    label_reads: tuple[str, ...]
    categorical: tuple[str, ...]
    slices: Mapping[str, str]
    pictures: tuple[Picture, ...] = field(default=())

    @property
    def feature_names(self) -> list[str]:
        """Names of everything that a model takes: stored features, request features, categories."""
        stored = [f.name for table in self.tables for f in table.features]
        return [*stored, *(f.name for f in self.request.features), *self.categorical]

    def event(self, name: str) -> Event:
        """The event of that name."""
        return next(event for event in self.events if event.name == name)
