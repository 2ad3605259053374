"""A project whose features were computed in a single run, which the tests of this folder read and compare with."""

import pandas as pd
import pytest

from tests.conftest import Project
from tests.flights import outcomes

# Not on the hour, after the change to daylight saving time, and further from the first flights than the longest window.
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
    """A project with features as of ``AS_OF``, computed in a single run. Tests only read it."""
    project = new_project(files)
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="session")
def flights(files) -> pd.DataFrame:
    """The same flights, read without the project's code: keys, outcome, ``late``, and when the outcome was known."""
    return outcomes(files["flights"], files["airports"])
