"""Fixtures: small tables on each engine, by path and by name, and a project whose tables Sail has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset
from tests.conftest import Project

SCHEMA = "k int, v string"
BEFORE = [(1, "a"), (2, "b"), (3, "c"), (None, "n")]
# Not on the hour, and after the change to daylight saving time.
AS_OF = "2013-03-12T06:07"


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Whether tables are identified by ``path``, or by ``name`` in a catalog."""
    return getattr(request, "param", "path")


@pytest.fixture
def rows(engine_name: str) -> Callable:
    """Return a function that creates a frame on the current engine from tuples."""
    return lambda *found, schema=SCHEMA: engine.session().createDataFrame(list(found), schema)


@pytest.fixture
def address(place: str, tmp_path: Path) -> Iterator[str]:
    """The path of the table, as in a catalog entry."""
    if place == "path":
        yield str(tmp_path / "table")
        return
    schema = f"s{uuid4().hex[:8]}"
    yield f"uc://spark_catalog/{schema}/bronze/things"
    engine.session().sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def table(address: str) -> Callable[..., DeltaDataset]:
    """Return a function that creates datasets of the same table, in any mode."""

    def make(mode: str = "merge", **settings: Any) -> DeltaDataset:
        keys = {"keys": ["k"]} if mode in {"merge", "insert"} else {}
        return DeltaDataset(path=address, zone="bronze", mode=mode, **keys | settings)

    return make


@pytest.fixture
def location(place: str, address: str, table) -> Callable[[], str]:
    """Return a function that finds the folder of the table."""

    def find() -> str:
        if place == "path":
            return address
        detail = engine.session().sql(f"DESCRIBE DETAIL {table()._handle.sql}").collect()[0]
        return detail["location"].removeprefix("file:")

    return find


@pytest.fixture
def stored(location) -> Callable[[], list[tuple]]:
    """Return a function that reads the rows of the table with delta-rs, sorted."""

    def read() -> list[tuple]:
        columns = DeltaTable(location()).to_pyarrow_table().to_pydict().values()
        return sorted(zip(*columns, strict=True), key=str)

    return read


@pytest.fixture
def filled(place: str, address: str, table, rows) -> DeltaDataset:
    """The table with four rows, one of which has a null key."""
    if place == "path":
        columns = pa.schema([("k", pa.int32()), ("v", pa.string())])
        keys, values = zip(*BEFORE, strict=True)
        write_deltalake(address, pa.table([pa.array(keys, pa.int32()), pa.array(values)], schema=columns))
    else:
        table("overwrite").save(rows(*BEFORE))
    return table()


@pytest.fixture(scope="session")
def slice_of_march(raw: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """A sample of the real data: every 21st flight number and all weather of 1 to 12 March, plus the other files."""
    flights, weather = raw["flights"], raw["weather"]
    march = [frame["month"].eq("3") & frame["day"].astype(int).le(12) for frame in (flights, weather)]
    few = flights["flight"].astype(int) % 21 == 0
    return raw | {"flights": flights[march[0] & few], "weather": weather[march[1]]}


@pytest.fixture(scope="session")
def on_sail(new_project, slice_of_march) -> Project:
    """The project with features as of ``AS_OF``, written by Sail. Tests only read it."""
    project = new_project(slice_of_march)
    project.run("feature_engineering", as_of=AS_OF)
    return project
