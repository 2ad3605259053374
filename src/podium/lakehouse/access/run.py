"""What a run will read and write, so that all of it is refused or nothing."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from .guard import Wish
from .rules import Verb

__all__ = ["wishes"]


def wishes(pipeline: Pipeline, catalog: CatalogProtocol) -> Iterator[Wish]:
    """Every dataset with a zone that a node of the pipeline loads or saves."""
    for node in pipeline.nodes:
        for name in node.inputs:
            yield from _wish("read", name, catalog)
        for name in node.outputs:
            yield from _wish("write", name, catalog)


def _wish(verb: Verb, name: str, catalog: CatalogProtocol) -> Iterator[Wish]:
    if name.startswith("params:") or name == "parameters":
        return
    dataset = catalog.get(name)
    # Kedro may have put a cache around it.
    dataset = getattr(dataset, "_dataset", dataset)
    zone = getattr(dataset, "zone", None)
    if zone is not None:
        yield Wish(verb, zone, name, getattr(dataset, "env", None))
