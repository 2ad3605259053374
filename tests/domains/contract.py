"""Whether feature tables keep their contract: the checks that every registered domain has to pass.

They know nothing of a domain but its definition, and compare computations on its own bronze tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from podium.domains.base import Domain, FeatureTable, Knowledge
from podium.features.as_of import first_known
from podium.lakehouse.batches import as_frame
from tests.bits import differences

# The columns that ingestion adds to those of an event, and the one that every event has.
TIMES = {"available_at", "arrived_at", "known_at", "version"}
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class World:
    """The bronze tables of a domain, and moments between which its facts became known.

    Attributes:
        domain: the domain.
        bronze: the rows of each event.
        steps: the moments at which the tables are refreshed, ascending. The last one is the time of the full run.
    """

    domain: Domain
    bronze: Mapping[str, pa.Table]
    steps: tuple[pd.Timestamp, ...]

    @classmethod
    def of(cls, domain: Domain, bronze: Mapping[str, pa.Table]) -> World:
        """Choose the moments so that a share of the dated facts lies before each of them."""
        dated = [bronze[event.name]["known_at"].to_pandas() for event in domain.events if event.dated]
        known = pd.concat(dated).sort_values(ignore_index=True)
        at = [known[int(share * (len(known) - 1))] for share in (0.5, 0.7, 0.9)]
        # A moment with facts, the next one that clocks can tell apart, and a moment between facts.
        return cls(domain, bronze, (at[0], at[0] + INSTANT, at[1] + timedelta(minutes=7), at[2]))

    def compute(self, table: FeatureTable, *, since: pd.Timestamp | None, until: pd.Timestamp) -> DataFrame:
        """The rows of a feature table from ``since`` to ``until``."""
        begin, end = None if since is None else since.to_pydatetime(), until.to_pydatetime()
        known = first_known({name: as_frame(self.bronze[name]) for name in table.reads}, self.domain, end)
        return table.compute(Knowledge(bronze=known, since=begin, until=end))

    def with_another_future(self, cut: pd.Timestamp, seed: int = 7) -> World:
        """The same facts up to the cut. Of the later ones half are missing, and the others say something else."""
        random = np.random.default_rng(seed)
        changed = {name: _another_future(rows, self.domain, name, cut, random) for name, rows in self.bronze.items()}
        return World(self.domain, changed, self.steps)


def _another_future(
    rows: pa.Table, domain: Domain, event: str, cut: pd.Timestamp, random: np.random.Generator
) -> pa.Table:
    frame = rows.to_pandas()
    late = (frame["known_at"] > cut).to_numpy()
    frame = frame[~late | (random.random(len(frame)) < 0.5)].reset_index(drop=True)
    places = np.flatnonzero(frame["known_at"] > cut)
    # Times stay: when something happened tells when it could be known.
    said = [
        name
        for name in frame
        if name not in {*domain.event(event).keys, *TIMES} and not pd.api.types.is_datetime64_any_dtype(frame[name])
    ]
    for name in said:
        frame.loc[places, name] = frame[name].to_numpy()[random.permutation(places)]
    return pa.Table.from_pandas(frame, rows.schema, preserve_index=False)


def violations(table: FeatureTable, world: World) -> Iterator[str]:
    """Say what is wrong with a feature table."""
    *early, end = world.steps
    keys = [*table.entity, "feature_time"]
    frame = world.compute(table, since=None, until=end)
    if wrong := [*_otherwise_declared(table, frame)]:
        yield from wrong
        return
    whole = _rows(frame)
    yield from _malformed(table, whole, end)
    spans = zip((None, *early), world.steps, strict=True)
    parts = [_rows(world.compute(table, since=since, until=until)) for since, until in spans]
    stepped = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    yield from (f"computed in steps: {each}" for each in differences(whole, stepped, keys))
    other = _rows(world.with_another_future(early[-1]).compute(table, since=None, until=end))
    before, after = (rows[rows["feature_time"] <= early[-1]] for rows in (whole, other))
    yield from (f"with another future: {each}" for each in differences(before, after, keys))


def _rows(frame: DataFrame) -> pd.DataFrame:
    rows = frame.toArrow().to_pandas()
    return rows.assign(feature_time=pd.to_datetime(rows["feature_time"], utc=True))


def _otherwise_declared(table: FeatureTable, frame: DataFrame) -> Iterator[str]:
    found = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    declared = {feature.name: feature.dtype for feature in table.features}
    names = {*table.entity, "feature_time", *declared}
    if {*found} != names:
        yield f"its columns are {', '.join(sorted(found))}; declared are {', '.join(sorted(names))}"
    declared["feature_time"] = "timestamp"
    for name, kind in declared.items():
        if found.get(name, kind) != kind:
            yield f"{name} is {found[name]}, declared is {kind}"


def _malformed(table: FeatureTable, rows: pd.DataFrame, until: pd.Timestamp) -> Iterator[str]:
    keys = [*table.entity, "feature_time"]
    if rows.empty:
        yield "it has no rows"
    if rows[keys].isna().any(axis=None):
        yield "a key is null"
    if rows.duplicated(keys).any():
        yield f"rows are not unique by {', '.join(keys)}"
    if (rows["feature_time"] > until).any():
        yield "a row lies after the time of the run"
    if constant := [feature.name for feature in table.features if rows[feature.name].nunique() < 2]:
        yield f"always the same or null: {', '.join(constant)}"
