"""What a run recorded, read back: its steps, what each was made from, and what was made from each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import read_state
from .states import DatasetKind, DatasetState

__all__ = ["NodeRun", "Steps"]

Where = tuple[str, str]
# The moment of a run is handed to nearly every node. It is told of the run; followed, it would tie all to all.
CLOCK = ".as_of"
# The catalog's second doors to what tables held before a run. Followed, they would lead through all runs of the past.
BEFORE = "seen_"


@dataclass(frozen=True, kw_only=True)
class NodeRun:
    """A node that ran: what it was given and what it left."""

    name: str
    inputs: tuple[DatasetState, ...]
    outputs: tuple[DatasetState, ...]
    parameters: Mapping[str, Any] = field(repr=False)


class Steps:
    """The steps of one run, which hand things to each other.

    Args:
        record: what the run left as ``lineage.json``.
    """

    def __init__(self, record: Mapping[str, Any]):
        self.all = [_step(event) for event in _events(record) if "parent" in event["run"]["facets"]]
        self._makers = {state.place: step for step in self.all for state in step.outputs}

    def sources(self, place: Where) -> list[DatasetState]:
        """What lies in some place was made from these, each once; what was handed on in between is left out."""
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
        """What was made from this very state, each once; what was handed on in between is left out."""
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
    """Also those of the runs that trained and evaluated a model elsewhere, before it was promoted; maybe twice over."""
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
