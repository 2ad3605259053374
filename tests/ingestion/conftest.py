"""A week of flights, which tests can corrupt."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def week(small: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The first week of January of the small source. Missing values of flights are empty strings."""
    flights, weather = small["flights"].replace("NA", ""), small["weather"]
    return small | {
        name: frame[(frame["month"] == "1") & (frame["day"].astype(int) <= 7)].reset_index(drop=True)
        for name, frame in (("flights", flights), ("weather", weather))
    }


@pytest.fixture(scope="session")
def versions() -> Callable[[Path], dict[str, int]]:
    """Return a function that reads the Delta version of every table of a lakehouse."""
    from deltalake import DeltaTable

    def read(lake: Path) -> dict[str, int]:
        found = sorted(log.parent for log in lake.glob("*/*/_delta_log"))
        return {str(path.relative_to(lake)): DeltaTable(str(path)).version() for path in found}

    return read
