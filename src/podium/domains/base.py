"""The definition of a domain: its sources, data contracts, events, feature tables and pictures.

A domain is what is known about a part of the world. Several problems, which are ML questions, can share it: its
features are computed once, for all of them. Everything here is a frozen description plus pure functions, so that
pipelines can be built for any domain and tests can call any function alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from podium.errors import did_you_mean
from podium.validation import Params

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# The shortest time between two moments: engines have times in microseconds.
INSTANT = timedelta(microseconds=1)

__all__ = ["Domain", "Event", "Feature", "FeatureTable", "Knowledge", "Params", "Picture", "Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source of data, the catalog entry ``<domain>.source_<name>``, and the columns that it must have."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One kind of event that sources report, stored in the bronze table ``bronze_<name>``.

    Attributes:
        name: the name of the event, in the singular.
        sources: the names of the sources whose rows report it. One of them is enough.
        keys: the columns that identify a fact. Rows with the same keys and other contents are versions of the fact.
        contract: a pandera ``DataFrameModel`` of the source columns that this event uses, each with its domain.
        claims: raw rows (text) -> a boolean for each row: whether it reports this event. The rows have the columns of
            all ``sources``, null where a source has no such column.
        build: (typed good rows, reference) -> bronze rows, with ``available_at``, the time each became knowable.
        schema: the Spark DDL of the columns that ``build`` returns.
        corrections: which versions of a fact the computations of features see. ``first``: only the version that was
            known first, so that a later correction changes no feature. ``all``: every version, with its times.
        absence: what it means that a later listing of a source lacks a fact. ``nothing``: the fact stays as it is.
            ``deletion``: all rows with the same time of arrival are a listing of all facts, so the fact is gone. Bronze
            then gets a version that says so, in the column ``deleted``. For live sources with few facts.
        dated: whether rows have times of their own. The newest of them is the time of a run, unless ``as_of`` is given.
        may_be_empty: whether it is usual that no row of any source has reported this event so far.
    """

    name: str
    sources: tuple[str, ...]
    keys: tuple[str, ...]
    contract: Any
    claims: Callable[[pa.Table], pd.Series]
    build: Callable[[pd.DataFrame, Mapping[str, Any]], pd.DataFrame]
    schema: str
    corrections: Literal["first", "all"] = "first"
    absence: Literal["nothing", "deletion"] = "nothing"
    dated: bool = True
    may_be_empty: bool = False

    def __post_init__(self) -> None:
        if taken := sorted({*self.columns} & {"arrived_at", "known_at", "version", "deleted"}):
            raise ValueError(f"the event {self.name} cannot name a column {', '.join(taken)}: Podium adds one")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that ``build`` returns."""
        return tuple(column.split()[0] for column in self.schema.split(", "))

    @property
    def bronze_schema(self) -> str:
        """The Spark DDL of a bronze row.

        ``arrived_at`` is when the row arrived, ``known_at`` when it became known. ``version`` numbers the versions of a
        fact from 1, in the order in which they became known. If absence means deletion, ``deleted`` is true for the
        version that says so.
        """
        deleted = ", deleted boolean" if self.absence == "deletion" else ""
        return f"{self.schema}, arrived_at timestamp, known_at timestamp{deleted}, version int"

    @property
    def said(self) -> tuple[str, ...]:
        """The columns of a bronze row without the number of its version."""
        return tuple(column.split()[0] for column in self.bronze_schema.split(", "))[:-1]


@dataclass(frozen=True)
class Feature:
    """One column that a model may use: its Spark type, unit and meaning."""

    name: str
    dtype: str
    unit: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """The input of a feature computation: bronze tables by event name, filtered by ``known_at <= until``.

    ``since`` (exclusive) and ``until`` (inclusive) bound the ``feature_time`` of the rows to compute, in UTC; ``since``
    is None to compute all rows.
    """

    bronze: Mapping[str, DataFrame]
    since: datetime | None
    until: datetime


@dataclass(frozen=True, kw_only=True)
class FeatureTable:
    """Features that share entity keys, stored in the feature table ``features_<name>``.

    Attributes:
        entity: the columns that form the primary key, together with ``feature_time``.
        freshness: the maximum age of a row when it is joined; an older one counts as unknown.
        grid: if set, rows exist only at multiples of this interval since 1970, and a row is valid until the next
            multiple, even if no row follows there. Such a table is joined by equality, which is the fastest join.
        every: if set, rows exist only at multiples of this interval since 1970, such as midnight. Unlike those of a
            ``grid`` they may be valid for longer. Between two multiples nothing is computed, and a refresh rewrites no
            file of an earlier one.
        reads: the events whose bronze tables ``compute`` reads.
        compute: knowledge -> rows with the entity keys, ``feature_time`` and every feature. An incremental computation
            must give the same rows after ``knowledge.since`` as a full one.
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
    every: timedelta | None = None

    def next_time(self, moment: datetime) -> datetime:
        """The earliest ``feature_time`` that a row can have after a moment."""
        step = self.grid or self.every
        if step is None:
            return moment + INSTANT
        return BEGINNING + ((moment - BEGINNING) // step + 1) * step

    def __post_init__(self) -> None:
        if self.grid is not None and self.grid != self.freshness:
            raise ValueError(
                f"{self.name}: freshness is {self.freshness} but grid is {self.grid}. They must be equal, because a "
                "row is valid until the next grid point."
            )


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of the exploration report: a question about the data, and how to draw the answer.

    Attributes:
        title: the title of the picture.
        question: the question that it answers.
        table: bronze tables as of the run -> the few rows to draw, aggregated by the engine. Sum whole numbers only, so
            that the picture is reproducible; ``draw`` and ``finding`` do the divisions.
        draw: (matplotlib figure, rows ordered by all columns) -> None; draws on the figure. A figure left without axes
            means that there is nothing to show. The colours ``C0``... are those of the report.
        finding: rows -> one sentence that answers the question. Without rows, neither ``draw`` nor ``finding`` is
            called.
        size: width and height in inches; a picture wider than 8 gets the whole width of the page.
    """

    title: str
    question: str
    table: Callable[[Mapping[str, DataFrame]], DataFrame]
    draw: Callable[[Any, pd.DataFrame], None]
    finding: Callable[[pd.DataFrame], str]
    size: tuple[float, float] = (6.4, 3.6)


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The data of a part of the world: where they come from, what they report, and the features computed from them.

    Attributes:
        name: the name, in the catalog and in the parameters too. No problem may have the same name.
        sources: where the data come from.
        events: all events, in the order of ingestion.
        lookups: the names of the small sources that ``reference`` needs, as a whole.
        reference: (rows of the small sources as text, event parameters) -> the lookup data for ``Event.build``.
        event_parameters: the pydantic model of the parameters that ``reference`` takes.
        tables: the feature tables.
        pictures: the pictures of the exploration report.
        misreport: for ``podium feed --correct``: the name of an event -> (rows as text, random numbers) -> the same
            rows as they might be misreported at first. They must still be valid.
    """

    name: str
    title: str
    owner: str
    sources: tuple[Source, ...]
    events: tuple[Event, ...]
    lookups: tuple[str, ...]
    reference: Callable[[Mapping[str, pd.DataFrame], Any], Mapping[str, Any]]
    event_parameters: type[Params]
    tables: tuple[FeatureTable, ...]
    pictures: tuple[Picture, ...] = field(default=())
    misreport: Mapping[str, Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]] = field(
        default_factory=dict, hash=False
    )

    def __post_init__(self) -> None:
        known = {source.name for source in self.sources}
        for name in (*self.lookups, *(source for event in self.events for source in event.sources)):
            if name not in known:
                raise ValueError(f"the domain {self.name} has no source {name!r}{did_you_mean(name, known)}")

    def source(self, name: str) -> Source:
        """Return the source with this name."""
        return next(source for source in self.sources if source.name == name)

    def event(self, name: str) -> Event:
        """Return the event with this name."""
        return next(event for event in self.events if event.name == name)

    def table(self, name: str) -> FeatureTable:
        """Return the feature table with this name.

        Raises:
            ValueError: there is none.
        """
        known = {table.name: table for table in self.tables}
        if name not in known:
            raise ValueError(
                f"the domain {self.name} has no feature table {name!r}{did_you_mean(name, known)}; it has "
                f"{', '.join(known)}"
            )
        return known[name]
