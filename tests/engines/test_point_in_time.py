"""The point-in-time join on every engine equals ``pandas.merge_asof``."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from podium.domains.base import Feature, FeatureTable
from podium.features.point_in_time import point_in_time_join
from podium.lakehouse import engine
from tests.conftest import on_two_engines

START = pd.Timestamp("2013-03-09T20:00", tz="UTC")
GRID = timedelta(minutes=10)
HOURS = timedelta(hours=3)


def feature_table(name: str, freshness: timedelta, grid: timedelta | None = None) -> FeatureTable:
    return FeatureTable(
        name=name,
        owner="tests",
        description="numbers",
        entity=("airport",),
        freshness=freshness,
        grid=grid,
        reads=(),
        features=(Feature(name, "double", "-", "any number"),),
        compute=lambda knowledge: pytest.fail("nothing is computed here"),
    )


TABLES = (feature_table("seldom", HOURS), feature_table("board", GRID, GRID))


def times(draw: np.random.Generator, number: int, step: str) -> pd.Series:
    """Random times within thirty hours around the change to daylight saving time in New York."""
    seconds = pd.to_timedelta(draw.integers(0, 30 * 3600, number), unit="s")
    return pd.Series((START + seconds).floor(step).astype("datetime64[us, UTC]"))


@pytest.fixture(scope="module")
def asked() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    airports = draw.choice(["JFK", "LGA", "EWR", "BOS"], 1500)
    return pd.DataFrame({"n": range(1500), "airport": airports, "prediction_time": times(draw, 1500, "5min")})


@pytest.fixture(scope="module")
def stored() -> dict[FeatureTable, pd.DataFrame]:
    """Feature rows, unique by airport and time. Boston has none. Every tenth value is null, which is a valid value."""
    found = {}
    for seed, (table, step) in enumerate(zip(TABLES, ("5min", "10min"), strict=True)):
        draw = np.random.default_rng(seed)
        frame = pd.DataFrame(
            {"airport": draw.choice(["JFK", "LGA", "EWR"], 120), "feature_time": times(draw, 120, step)}
        )
        frame[table.name] = np.where(np.arange(120) % 10, draw.normal(size=120), np.nan)
        found[table] = frame.drop_duplicates(["airport", "feature_time"], ignore_index=True)
    return found


def joined_by_pandas(asked: pd.DataFrame, table: FeatureTable, rows: pd.DataFrame) -> pd.Series:
    """The join in pandas: the newest row at or before the request. On a grid, only the row of the last grid point."""
    left, right = asked.sort_values("prediction_time"), rows.sort_values("feature_time")
    oldest = table.freshness - (timedelta(microseconds=1) if table.grid else timedelta(0))
    found = pd.merge_asof(
        left, right, left_on="prediction_time", right_on="feature_time", by="airport", tolerance=oldest
    )
    return found.set_index("n")[table.name].sort_index()


def as_frame(rows: pd.DataFrame, schema: str):
    """Create a frame on the current engine, with null where pandas has NaN."""

    def value(cell):
        if pd.isna(cell):
            return None
        return cell.to_pydatetime() if isinstance(cell, pd.Timestamp) else cell

    cells = [tuple(map(value, row)) for row in rows.itertuples(index=False)]
    return engine.session().createDataFrame(cells, schema)


@on_two_engines
@pytest.mark.usefixtures("generated_code")
def test_the_join_equals_that_of_pandas(engine_name, asked, stored):
    requests = as_frame(asked, "n int, airport string, prediction_time timestamp")
    frames = {
        table: as_frame(rows, f"airport string, feature_time timestamp, {table.name} double")
        for table, rows in stored.items()
    }

    joined = point_in_time_join(requests, frames).toPandas().set_index("n").sort_index()

    assert list(joined.index) == list(asked["n"])
    for table, rows in stored.items():
        expected = joined_by_pandas(asked, table, rows)
        assert 100 < expected.notna().sum() < 1400, "the sample needs known and unknown features"
        np.testing.assert_array_equal(joined[table.name].to_numpy("float64"), expected.to_numpy("float64"))
