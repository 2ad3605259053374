"""The notebooks are committed without outputs."""

import json
import re

import pytest

from tests.conftest import PROJECT

BOOKS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def test_there_are_four_notebooks():
    assert [re.sub(r"^\d+_", "", path.stem) for path in BOOKS] == [
        "explore",
        "try_a_feature",
        "read_a_model",
        "read_monitoring",
    ]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs(path):
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
def test_a_notebook_names_the_prerequisite_and_loads_the_session_first(path):
    first, second, *_ = json.loads(path.read_text())["cells"]
    assert first["cell_type"] == "markdown"
    assert "First run `make demo`" in "".join(first["source"])
    assert "".join(second["source"]).startswith("%load_ext kedro.ipython")
