"""One project with features computed in one go, which the tests of this folder read and compare with."""

import pandas as pd
import pytest

from tests.conftest import Project
from tests.flights import outcomes

# At no full hour, after the clocks went forward, and later than the longest window behind the first flights.
AS_OF = "2013-03-12T06:07"


@pytest.fixture(scope="session")
def files(small) -> dict[str, pd.DataFrame]:
    """The small source, February and March only."""
    flights, weather = small["flights"], small["weather"]
    return small | {
        name: frame[frame["month"].isin(["2", "3"])].reset_index(drop=True)
        for name, frame in (("flights", flights), ("weather", weather))
    }


@pytest.fixture(scope="session")
def computed(files, new_project) -> Project:
    """Features as of ``AS_OF``, computed from nothing. For reading, not for running."""
    project = new_project(files)
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="session")
def flights(files) -> pd.DataFrame:
    """The same flights, read without the project: keys, what happened, ``late`` and when that was known."""
    return outcomes(files["flights"], files["airports"])
