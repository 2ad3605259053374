"""Which nodes a run, or a task of a job, means. A name that does not exist is refused, with the nearest that does."""

from collections.abc import Callable, Collection, Iterable, Mapping

from kedro.pipeline import Pipeline

from podium.errors import PodiumError, did_you_mean

__all__ = ["select"]

EVERYTHING = "__default__"


def _tags(pipeline: Pipeline) -> set[str]:
    return {tag for node in pipeline.nodes for tag in node.tags}


def _nodes(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


def _namespaces(pipeline: Pipeline) -> set[str]:
    return {prefix for node in pipeline.nodes for prefix in node.namespace_prefixes}


# Kedro's filters: what their words are called, and which there are in a pipeline.
WORDS: dict[str, tuple[str, Callable[[Pipeline], Collection[str]]]] = {
    "tags": ("tag", _tags),
    "node_names": ("node", _nodes),
    "from_nodes": ("node", _nodes),
    "to_nodes": ("node", _nodes),
    "from_inputs": ("dataset", Pipeline.datasets),
    "to_outputs": ("dataset", Pipeline.datasets),
    "node_namespaces": ("namespace", _namespaces),
}


def select(pipelines: Mapping[str, Pipeline], names: Iterable[str] = (), **filters: Iterable[str]) -> Pipeline:
    """The nodes of these pipelines (of all where none is named) that every filter lets through.

    Args:
        pipelines: the registered ones.
        names: some of them.
        filters: what ``Pipeline.filter`` takes: ``tags``, ``node_names``, ``node_namespaces``, ...

    Raises:
        PodiumError: there is no such pipeline, tag, node, dataset or namespace, or nothing is left.
    """
    chosen = list(names) or [EVERYTHING]
    for name in chosen:
        _refuse_unknown("pipeline", name, pipelines.keys() - {EVERYTHING} if name != EVERYTHING else chosen)
    whole = sum((pipelines[name] for name in chosen), Pipeline([]))
    given = {name: list(words) for name, words in filters.items() if words}
    for name, words in given.items():
        kind, known = WORDS[name]
        for word in words:
            _refuse_unknown(kind, word, known(whole))
    try:
        return whole.filter(**given)
    except ValueError as nothing:
        asked = ", ".join(word for words in given.values() for word in words)
        raise PodiumError(f"No node fits all of: {asked}.") from nothing


def _refuse_unknown(kind: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        there = f" There are: {', '.join(sorted(known))}." if known and len(known) < 20 else ""
        raise PodiumError(f"There is no {kind} {word!r}{did_you_mean(word, known)}.{there}")
