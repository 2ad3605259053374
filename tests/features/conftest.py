"""One project with features computed in one go, which the tests of this folder read and compare with."""

import pandas as pd
import pytest

from tests.conftest import Project
from tests.flights import outcomes

# At no full hour, and after the clocks went forward.
AS_OF = "2013-03-20T06:07"


@pytest.fixture(scope="session")
def computed(small, new_project) -> Project:
    """Features of the small source as of ``AS_OF``, computed from nothing. For reading, not for running."""
    project = new_project(small)
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="session")
def flights(small) -> pd.DataFrame:
    """The small source, read without the project: keys, what happened, ``late`` and when that was known."""
    return outcomes(small["flights"], small["airports"])
