"""Notebooks are kept without what a run leaves in them."""

import json
import re

import pytest

from tests.conftest import PROJECT

BOOKS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def test_there_are_four():
    assert [re.sub(r"^\d+_", "", path.stem) for path in BOOKS] == [
        "explore",
        "try_a_feature",
        "read_a_model",
        "read_monitoring",
    ]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_trace_of_a_run(path):
    book = json.loads(path.read_text())
    assert book["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in book["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_to_run_first_and_opens_with_the_session(path):
    first, second, *_ = json.loads(path.read_text())["cells"]
    assert first["cell_type"] == "markdown"
    assert "First run `make demo`" in "".join(first["source"])
    assert "".join(second["source"]).startswith("%load_ext kedro.ipython")
