"""Build one stage for one domain or problem: make nodes, and put nodes, datasets and parameters into namespaces."""

from collections.abc import Callable, Iterable
from functools import partial, update_wrapper
from inspect import Parameter, signature
from types import FunctionType
from typing import Any
from warnings import catch_warnings, simplefilter

from kedro.pipeline import Node, Pipeline
from kedro.pipeline.preview_contract import TextPreview
from kedro.utils import KedroExperimentalWarning

from podium.domains.base import FeatureTable

__all__ = ["fixed", "node", "stage"]

Names = str | list[str] | dict[str, str]


def node(
    func: Callable[..., Any],
    *,
    inputs: Names,
    outputs: Names,
    name: str | None = None,
    types: dict[str, type] | None = None,
    **arguments: Any,
) -> Node:
    """Make a node. Its preview in kedro-viz shows the docstring's first line and the description of any feature table.

    Args:
        func: a plain function.
        inputs: as in Kedro.
        outputs: as in Kedro.
        name: the node's name. Defaults to the function's name.
        types: see ``fixed``.
        arguments: the keyword-only arguments to fix.
    """
    lines = [(func.__doc__ or "").strip().partition("\n")[0]]
    lines += [f"{each.name}: {each.description}" for each in arguments.values() if isinstance(each, FeatureTable)]
    with catch_warnings():
        # Hide Kedro's warning that its preview API is experimental and may change.
        simplefilter("ignore", KedroExperimentalWarning)
        return Node(
            func=fixed(func, types=types, **arguments),
            inputs=inputs,
            outputs=outputs,
            name=name or func.__name__,
            preview_fn=partial(TextPreview, "\n\n".join(lines)),
        )


def fixed(func: Callable[..., Any], *, types: dict[str, type] | None = None, **arguments: Any) -> Callable[..., Any]:
    """Return a copy of ``func`` with new defaults for keyword-only parameters and with new type annotations.

    Args:
        func: a plain function.
        types: parameter -> annotation. Kedro turns a ``params:`` input into the pydantic model that the annotation
            names; use ``types`` where only the domain knows that model.
        arguments: the keyword-only arguments to fix.

    Raises:
        TypeError: ``func`` has no keyword-only parameter of that name.
    """
    assert isinstance(func, FunctionType)
    if other := sorted(arguments.keys() - _keywords(func)):
        raise TypeError(
            f"{func.__qualname__} has no keyword-only parameter {', '.join(other)}. Add one to its signature."
        )
    # Copy the function with new defaults. A functools.partial would do, but kedro-viz cannot show a partial's source.
    made = FunctionType(func.__code__, func.__globals__, func.__name__, func.__defaults__, func.__closure__)
    update_wrapper(made, func)
    del made.__wrapped__  # type: ignore[attr-defined]
    made.__kwdefaults__ = {**(func.__kwdefaults__ or {}), **arguments}
    made.__annotations__ = {**func.__annotations__, **(types or {})}
    return made


def stage(subject: str, name: str, nodes: Iterable[Node]) -> Pipeline:
    """Put the nodes of a stage, and the datasets and parameters that they use, into namespaces.

    Nodes go into ``<name>.<subject>``. Datasets and parameters go into ``<subject>``, except ``params:as_of`` and
    datasets whose name has a dot, such as those of a problem's domain: they are in a namespace already.
    The stage's name comes first because kedro-viz groups nodes by the first part of the namespace.

    Args:
        subject: the name of the domain or problem.
        name: the name of the stage.
        nodes: the nodes of the stage.
    """
    bare = Pipeline(nodes)
    inputs = {dataset for dataset in bare.inputs() if not dataset.startswith("params:")}
    outputs = {dataset for dataset in bare.datasets() if not dataset.startswith("params:")} - inputs
    parameters = {key for key in bare.inputs() if key.startswith("params:")}
    own = f"{subject}."
    return Pipeline(
        bare,
        namespace=f"{name}.{subject}",
        inputs={dataset: dataset if "." in dataset else own + dataset for dataset in inputs},
        outputs={dataset: own + dataset for dataset in outputs},
        parameters={
            key: key if key == "params:as_of" else f"params:{own}{key.removeprefix('params:')}" for key in parameters
        },
        prefix_datasets_with_namespace=False,
    )


def _keywords(func: Callable[..., Any]) -> set[str]:
    return {name for name, each in signature(func).parameters.items() if each.kind is Parameter.KEYWORD_ONLY}
