"""The graph of one recorded run: finds the sources of a dataset, and the results made from a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import read_state
from .states import DatasetKind, DatasetState

__all__ = ["NodeRun", "Steps"]

Where = tuple[str, str]
# Don't trace lineage through as_of, the time of a run: nearly every node reads it, so it would connect every dataset
# with every other one.
CLOCK = ".as_of"
# Catalog entries with this prefix read a table that the same run writes, at the version from before the run. Nodes use
# them only to skip work that earlier runs have done. Don't trace lineage through them.
BEFORE = "seen_"


@dataclass(frozen=True, kw_only=True)
class NodeRun:
    """A recorded execution of a node, with the states of the datasets that the node read and wrote."""

    name: str
    inputs: tuple[DatasetState, ...]
    outputs: tuple[DatasetState, ...]
    parameters: Mapping[str, Any] = field(repr=False)


class Steps:
    """The recorded nodes of one run, searchable by the datasets that they read and wrote.

    Args:
        record: the run's artifact ``lineage.json``.
    """

    def __init__(self, record: Mapping[str, Any]):
        self.all = [_step(event) for event in _events(record) if "parent" in event["run"]["facets"]]
        self._makers = {state.place: step for step in self.all for state in step.outputs}

    def sources(self, place: Where) -> list[DatasetState]:
        """The stored datasets that a dataset was made from, directly or through data in memory, without duplicates."""
        return list(dict.fromkeys(self._sources(place, set())))

    def _sources(self, place: Where, seen: set[Where]) -> Iterator[DatasetState]:
        step = self._makers.get(place)
        if step is None or place in seen:
            return
        seen.add(place)
        for state in step.inputs:
            if state.name.endswith(CLOCK) or state.name.partition(".")[2].startswith(BEFORE):
                continue
            if state.kind is DatasetKind.HANDED:
                yield from self._sources(state.place, seen)
            elif state.place != place:
                yield state

    def results(self, state: DatasetState) -> list[DatasetState]:
        """The stored datasets made from this state, directly or through data in memory, without duplicates."""
        taken = [step for step in self.all if any(_same(given, state) for given in step.inputs)]
        return list(dict.fromkeys(self._results(taken, set())))

    def _results(self, steps: list[NodeRun], seen: set[str]) -> Iterator[DatasetState]:
        for step in steps:
            if step.name in seen:
                continue
            seen.add(step.name)
            handed = {
                made.place for made in step.outputs if made.kind is DatasetKind.HANDED and not made.name.endswith(CLOCK)
            }
            yield from (state for state in step.outputs if state.kind is not DatasetKind.HANDED)
            following = [other for other in self.all if any(given.place in handed for given in other.inputs)]
            yield from self._results(following, seen)


def _events(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a record's events and, for a promoted version, the events of its training and evaluation records."""
    yield from record.get("events", [])
    for stage in record.keys() & {"training", "evaluation"}:
        yield from _events(record[stage])


def _same(given: DatasetState, state: DatasetState) -> bool:
    return given.place == state.place and given.digest == state.digest


def _step(event: Mapping[str, Any]) -> NodeRun:
    given = event["run"]["facets"].get("executionParameters", {}).get("parameters", [])
    return NodeRun(
        name=event["job"]["name"],
        inputs=tuple(read_state(each) for each in event["inputs"]),
        outputs=tuple(read_state(each) for each in event["outputs"]),
        parameters={each["key"]: json.loads(each["value"]) for each in given},
    )
