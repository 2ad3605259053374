"""Each engine can read, merge into and replace a window of a table that another engine wrote."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
from deltalake import DeltaTable

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows
from tests.conftest import SAIL

SCHEMA = "k int, who string, f double, n bigint, at timestamp, day date, yes boolean"
ODD = (-0.0, 2**53 + 1, datetime(2013, 3, 10, 6, 59, 59, 123456, tzinfo=UTC), date(1900, 2, 28), True)
NOTHING = (None,) * len(ODD)


@pytest.fixture
def use(use_engine: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Return a function that switches the engine within a test."""
    yield use_engine
    engine.configure(SAIL)


@pytest.mark.spark
@pytest.mark.parametrize(
    "turns", [("spark", "sail"), pytest.param(("spark", "connect", "sail"), marks=pytest.mark.faults)], ids="-".join
)
def test_engines_take_turns_on_one_table(use, tmp_path, turns):
    """Sail creates the table. Then each engine reads all rows, merges an old and a new key, and replaces a window."""
    path, expected = str(tmp_path / "table"), {0: (0, "first", *ODD)}
    DeltaDataset(path=path, zone="bronze", keys=["k"]).save(engine.session().createDataFrame([expected[0]], SCHEMA))
    for turn, name in enumerate(turns, start=1):
        use(name)
        dataset = DeltaDataset(path=path, zone="bronze", keys=["k"])
        there = dataset.load().selectExpr("*", "unix_micros(at) AS micros", "CAST(n AS string) AS whole").toPandas()
        assert sorted(there["k"]) == sorted(expected), f"{name} must read the rows of the engines before it"
        odd = there[there["f"].notna()]
        assert set(odd["whole"]) == {str(ODD[1])}
        assert set(odd["day"]) == {ODD[3]}
        assert set(odd["micros"]) == {int(ODD[2].timestamp()) * 1_000_000 + 123456}

        merged = {0: (0, name, *ODD), turn: (turn, f"{name} {turn}", *NOTHING)}
        dataset.save(engine.session().createDataFrame(list(merged.values()), SCHEMA))
        window = {100 + n: (100 + n, f"{name} {turn}", *ODD) for n in range(turn % 3 + 1)}
        frame = engine.session().createDataFrame(list(window.values()), SCHEMA)
        dataset.save(Rows(frame=frame, window="k >= 100", mode="replace"))

        expected = {key: row for key, row in (expected | merged).items() if key < 100} | window
        found = DeltaTable(path).to_pyarrow_table().to_pylist()
        assert {row["k"]: tuple(row.values()) for row in found} == expected, f"after {name}, turn {turn}"
        assert len(found) == len(expected)
        assert {math.copysign(1, row["f"]) for row in found if row["f"] is not None} == {-1}, "-0.0 must keep its sign"
