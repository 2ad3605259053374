"""How a stage is made for a problem: what is fixed when the pipeline is made, and where names live."""

from collections.abc import Callable, Iterable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from podium.problems.base import Problem

__all__ = ["fixed", "stage"]


def fixed(func: Callable[..., Any], *, types: dict[str, type] | None = None, **arguments: Any) -> Callable[..., Any]:
    """``func`` with keyword arguments fixed; keeps its name and docstring, and sharper ``types`` for its parameters.

    Kedro turns ``params:`` inputs into the pydantic model that the annotation names; ``types`` names it where only the
    problem knows it.
    """
    wrapped = update_wrapper(partial(func, **arguments), func)
    wrapped.__annotations__ = {**func.__annotations__, **(types or {})}
    return wrapped


def stage(problem: Problem, name: str, nodes: Iterable[Node]) -> Pipeline:
    """Nodes in the namespace ``<problem>.<name>``, datasets and parameters in ``<problem>``; ``as_of`` is shared."""
    bare = Pipeline(list(nodes))
    inputs = {dataset for dataset in bare.inputs() if not dataset.startswith("params:")}
    outputs = {dataset for dataset in bare.datasets() if not dataset.startswith("params:")} - inputs
    parameters = {key for key in bare.inputs() if key.startswith("params:")}
    own = f"{problem.name}."
    return Pipeline(
        bare,
        namespace=f"{own}{name}",
        inputs={dataset: own + dataset for dataset in inputs},
        outputs={dataset: own + dataset for dataset in outputs},
        parameters={
            key: key if key == "params:as_of" else f"params:{own}{key.removeprefix('params:')}" for key in parameters
        },
        prefix_datasets_with_namespace=False,
    )
