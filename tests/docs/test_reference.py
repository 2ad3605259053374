"""The pages under docs/reference, which ``make docs`` generates from the definitions, are up to date."""

import importlib.util

import pytest

from podium.registered import problems
from tests.conftest import PROJECT

FOLDER = PROJECT / "docs" / "reference"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["tables.md", "parameters.md", "access.md", "jobs.md"])
def test_a_page_is_up_to_date(pages, name):
    assert (FOLDER / name).read_text() == pages[name], "run: make docs"


def test_every_feature_is_in_the_reference(pages):
    for problem in problems().values():
        for name in problem.feature_names:
            assert f"`{name}`" in pages["tables.md"]
