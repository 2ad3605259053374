"""Arguments that ``fixed`` binds to node functions, and the previews of nodes."""

import inspect

import pytest
from kedro.pipeline import Node
from pydantic import BaseModel

from podium.domains.base import FeatureTable
from podium.domains.flights import DOMAIN
from podium.pipelines.stage import fixed, node, stage


class Given(BaseModel):
    n: int


def scaled(rows: int, parameters: BaseModel, *, by: int, offset: int = 0) -> int:
    """Rows, scaled.

    More than one line.
    """
    return rows * by + offset


def test_fixed_binds_arguments_in_a_copy_of_the_function():
    tenfold, twofold = fixed(scaled, by=10), fixed(scaled, by=2, offset=1)

    assert (tenfold(3, None), twofold(3, None), scaled(3, None, by=1)) == (30, 7, 3)
    assert tenfold.__name__ == "scaled"
    assert inspect.getsource(tenfold) == inspect.getsource(scaled)
    assert inspect.getfile(tenfold) == __file__


def test_narrower_types_apply_to_the_copy_only():
    assert inspect.get_annotations(fixed(scaled, types={"parameters": Given}, by=1))["parameters"] is Given
    assert inspect.get_annotations(scaled)["parameters"] is BaseModel


def test_only_keyword_only_parameters_can_be_fixed():
    with pytest.raises(TypeError, match="scaled has no keyword-only parameter row"):
        fixed(scaled, row=1)
    with pytest.raises(TypeError, match="rows"):
        fixed(scaled, rows=1)


def test_kedro_still_checks_the_number_of_inputs():
    Node(fixed(scaled, by=1), ["a", "b"], "c", name="n")
    with pytest.raises(TypeError):
        Node(fixed(scaled, by=1), ["a"], "c", name="n")


def refreshed(rows: int, *, table: FeatureTable) -> int:
    """Rows of a table."""


def test_the_preview_of_a_node_has_the_first_line_of_its_docstring_and_the_description_of_its_table():
    table = DOMAIN.tables[0]
    made = stage("p", "training", [node(refreshed, inputs="a", outputs="b", table=table)])

    [only] = made.nodes
    assert only.name == "training.p.refreshed"
    assert only.preview().content == f"Rows of a table.\n\n{table.name}: {table.description}"
    assert made.datasets() == {"p.a", "p.b"}
