"""Select the nodes that a run or a job's task runs. Refuse names that do not exist, and suggest the nearest name."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from kedro.io import CatalogProtocol, MemoryDataset
from kedro.pipeline import Node, Pipeline

from podium.errors import PodiumError, did_you_mean

__all__ = ["is_clock", "require_inputs", "select", "selection", "with_clocks"]

EVERYTHING = "__default__"
# The ending of the datasets that hold the time of a run.
CLOCK = ".as_of"


def _tags(pipeline: Pipeline) -> set[str]:
    return {tag for node in pipeline.nodes for tag in node.tags}


def _nodes(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


def _namespaces(pipeline: Pipeline) -> set[str]:
    return {prefix for node in pipeline.nodes for prefix in node.namespace_prefixes}


# For each of Kedro's filters: the noun that messages use for a value of the filter, and a function that lists all such
# values in a pipeline.
FILTERS: dict[str, tuple[str, Callable[[Pipeline], Collection[str]]]] = {
    "tags": ("tag", _tags),
    "node_names": ("node", _nodes),
    "from_nodes": ("node", _nodes),
    "to_nodes": ("node", _nodes),
    "from_inputs": ("dataset", Pipeline.datasets),
    "to_outputs": ("dataset", Pipeline.datasets),
    "node_namespaces": ("namespace", _namespaces),
}


def select(pipelines: Mapping[str, Pipeline], names: Iterable[str] = (), **filters: Iterable[str]) -> Pipeline:
    """From the pipelines with these names, select the nodes that pass every filter. Without names, take all pipelines.

    Args:
        pipelines: all registered pipelines.
        names: the pipelines to run.
        filters: arguments of ``Pipeline.filter``: ``tags``, ``node_names``, ``node_namespaces``, ...

    Raises:
        PodiumError: there is no such pipeline, tag, node, dataset or namespace, or no node is left.
    """
    chosen = list(names) or [EVERYTHING]
    for name in chosen:
        _refuse_unknown("pipeline", name, pipelines.keys() - {EVERYTHING} if name != EVERYTHING else chosen)
    whole = _together(pipelines, chosen)
    given = {name: list(words) for name, words in filters.items() if words}
    for name, words in given.items():
        kind, known = FILTERS[name]
        for word in words:
            _refuse_unknown(kind, word, known(whole))
    if "node_namespaces" in given:
        given["node_namespaces"] = with_clocks(pipelines, chosen, given["node_namespaces"])
    try:
        return whole.filter(**given)
    except ValueError as nothing:
        asked = ", ".join(word for words in given.values() for word in words)
        raise PodiumError(f"No node matches all of these filters at once: {asked}. Remove one of them.") from nothing


def with_clocks(pipelines: Mapping[str, Pipeline], names: Iterable[str], namespaces: Iterable[str]) -> list[str]:
    """Add to namespaces the clocks that their nodes need: namespaces whose one node resolves a domain's ``as_of``."""
    whole = _together(pipelines, list(names) or [EVERYTHING])
    moments = {name for name in whole.filter(node_namespaces=list(namespaces)).inputs() if name.endswith(CLOCK)}
    clocks = {node.namespace for node in whole.nodes if moments & {*node.outputs} and node.namespace}
    return [*namespaces, *sorted(clocks)]


def is_clock(node: Node) -> bool:
    """Whether a node resolves the ``as_of`` of a domain."""
    return all(name.endswith(CLOCK) for name in node.outputs)


def selection(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the arguments of ``KedroSession.run`` to those of ``select``."""
    one = asked.get("pipeline_name")
    names = asked.get("pipeline_names") or ([one] if one else [])
    filters = {name: asked[name] for name in FILTERS if asked.get(name)}
    return {"names": names, "node_namespaces": asked.get("namespaces") or (), **filters}


# The beginning of the name of a source in the catalog.
SOURCE = ".source_"


def require_inputs(pipeline: Pipeline, catalog: CatalogProtocol, everything: Pipeline) -> None:
    """Refuse the selection if it needs in-memory data, such as ``as_of``, that no selected node produces.

    Args:
        pipeline: the selected nodes.
        catalog: the catalog of the run.
        everything: all nodes, to find the node that produces the data.

    Raises:
        PodiumError: an input is in memory only, and no selected node makes it.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if isinstance(dataset, MemoryDataset) and not dataset.exists():
            if SOURCE in name:
                raise PodiumError(
                    f"The catalog has no entry {name}. Add one that says where its rows are, as docs/how-to/sources.md "
                    "shows."
                )
            makers = [node for node in everything.nodes if name in node.outputs]
            maker = (
                f"Also select the node {makers[0].name}, which makes it, or that node's namespace"
                if makers
                else "No other node makes it either"
            )
            raise PodiumError(
                f"The selected nodes need {name}, which exists only in memory during a run, and none of them makes it. "
                f"{maker}."
            )


def _together(pipelines: Mapping[str, Pipeline], names: Iterable[str]) -> Pipeline:
    return sum((pipelines[name] for name in names), Pipeline([]))


def _refuse_unknown(kind: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        there = f" There are: {', '.join(sorted(known))}." if known and len(known) < 20 else ""
        raise PodiumError(f"There is no {kind} {word!r}{did_you_mean(word, known)}.{there}")
