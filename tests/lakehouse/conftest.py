"""Fixtures for small tables that the real engine writes and delta-rs reads."""

from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from podium.lakehouse.table import DeltaDataset

SCHEMA = "k int, v string"


@pytest.fixture
def rows(spark) -> Callable:
    """Return a function that creates a frame from tuples."""
    return lambda *found, schema=SCHEMA: spark.createDataFrame(list(found), schema)


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., DeltaDataset]:
    """Return a function that creates datasets of the same table, in any mode."""

    def make(mode: str = "merge", **settings) -> DeltaDataset:
        keys = {"keys": ["k"]} if mode in {"merge", "insert"} else {}
        return DeltaDataset(path=str(tmp_path / "table"), zone="bronze", mode=mode, **keys | settings)

    return make


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[], list[tuple]]:
    """Return a function that reads the rows of that table with delta-rs, sorted."""

    def read() -> list[tuple]:
        columns = DeltaTable(str(tmp_path / "table")).to_pyarrow_table().to_pydict().values()
        return sorted(zip(*columns, strict=True), key=str)

    return read
