"""List the reads and writes of a run, so that the guard can check all of them before the run begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedro.io import CachedDataset, CatalogProtocol
from kedro.pipeline import Pipeline

from podium.lakehouse.errors import LakehouseError
from podium.private_names import cached

from .guard import Wish
from .rules import Verb

__all__ = ["wishes"]


def wishes(pipeline: Pipeline, catalog: CatalogProtocol) -> Iterator[Wish]:
    """Yield a ``Wish`` for each load and each save by the pipeline's nodes. Datasets without a zone are skipped."""
    for node in pipeline.nodes:
        for name in node.inputs:
            yield from _wish("read", name, catalog)
        for name in node.outputs:
            yield from _wish("write", name, catalog)


def _wish(verb: Verb, name: str, catalog: CatalogProtocol) -> Iterator[Wish]:
    if name.startswith("params:") or name == "parameters":
        return
    dataset = _uncached(name, catalog.get(name))
    zone = getattr(dataset, "zone", None)
    if getattr(dataset, "for_update", False):
        verb = "write"  # loads clear values
    if zone is not None:
        yield Wish(verb, zone, name, getattr(dataset, "env", None))


def _uncached(name: str, dataset: Any) -> Any:
    """Unwrap a CachedDataset, because the wrapper has no zone. Return any other dataset as it is."""
    while isinstance(dataset, CachedDataset):
        try:
            dataset = cached(dataset)
        except AttributeError as cause:
            raise LakehouseError(
                f"The access rules of {name} cannot be checked: it is a CachedDataset, and this version of Kedro does "
                "not show the dataset inside. Take the CachedDataset out of the catalog, or use Kedro 1.7."
            ) from cause
    return dataset
