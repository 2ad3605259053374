"""The example feature table in docs/how-to/add-a-feature.md obeys the rules that the page gives for computations."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from podium.domains.base import FeatureTable, Knowledge
from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "how-to" / "add-a-feature.md"
UNTIL = datetime(2013, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names["CANCELLATIONS"]


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    times = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 31 * 24, 400), unit="h")
    return pd.DataFrame({"origin": rng.choice(["EWR", "JFK"], 400), "flight": range(400), "known_at": times})


def computed(table: FeatureTable, events: pd.DataFrame, spark, since: datetime | None) -> pd.DataFrame:
    known = spark.createDataFrame(events, "origin string, flight int, known_at timestamp")
    rows = table.compute(Knowledge(bronze={"cancellation": known}, since=since, until=UNTIL)).toPandas()
    rows["feature_time"] = rows["feature_time"].dt.tz_localize("UTC")
    return rows.sort_values(["origin", "feature_time"], ignore_index=True)


def test_the_feature_counts_cancellations_of_the_last_day(table, events, spark):
    rows = computed(table, events, spark, None)
    assert len(rows) == len(events.drop_duplicates(["origin", "known_at"]))
    for row in rows.itertuples():
        mine = events[events["origin"] == row.origin]["known_at"]
        since = row.feature_time - timedelta(days=1)
        assert row.origin_cancelled_24h == ((mine > since) & (mine <= row.feature_time)).sum()


def test_an_incremental_computation_equals_a_full_one(table, events, spark):
    since = datetime(2013, 1, 20, 7, tzinfo=UTC)
    full = computed(table, events, spark, None)
    later = full[full["feature_time"] > since].reset_index(drop=True)
    pd.testing.assert_frame_equal(computed(table, events, spark, since), later)


def test_the_columns_are_those_declared(table, events, spark):
    assert set(computed(table, events, spark, None)) == {
        *table.entity,
        "feature_time",
        *(each.name for each in table.features),
    }
