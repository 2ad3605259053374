"""A week of flights, in files that can be spoiled."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def week(small: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The small source, first week of January only; what is missing in a flight is left empty."""
    flights, weather = small["flights"].replace("NA", ""), small["weather"]
    return small | {
        name: frame[(frame["month"] == "1") & (frame["day"].astype(int) <= 7)].reset_index(drop=True)
        for name, frame in (("flights", flights), ("weather", weather))
    }


@pytest.fixture(scope="session")
def versions() -> Callable[[Path], dict[str, int]]:
    """The Delta version of every table of a lakehouse."""
    from deltalake import DeltaTable

    def read(lake: Path) -> dict[str, int]:
        found = sorted(log.parent for log in lake.glob("*/*/_delta_log"))
        return {str(path.relative_to(lake)): DeltaTable(str(path)).version() for path in found}

    return read
