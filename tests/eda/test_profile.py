"""The profile of every column agrees with pandas."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.lakehouse.table import DeltaDataset
from podium.pipelines.eda import nodes
from podium.pipelines.eda.profile import LEVELS, TOP, profile_table

from .conftest import AS_OF


@pytest.fixture(scope="module")
def profiled(frames):
    return nodes.profile(AS_OF, *frames.values(), domain=DOMAIN)


def test_the_profile_agrees_with_pandas(profiled, bronze):
    profile, _ = profiled
    assert list(profile["table"].unique()) == [event.name for event in DOMAIN.events]
    for found in profile.to_dict("records"):
        values = bronze[found["table"]][found["column"]]
        assert found["rows"] == len(values)
        assert found["missing"] == values.isna().sum()
        assert found["distinct"] == values.nunique()
        if found["type"] in {"int", "double"} and values.notna().any():
            assert (float(found["min"]), float(found["max"])) == (values.min(), values.max())
            assert found["mean"] == pytest.approx(float(values.mean()), abs=1e-6)
        elif found["type"] == "timestamp":
            assert [found["min"], found["max"]] == [
                f"{edge:%Y-%m-%d %H:%M:%S}" for edge in (values.min(), values.max())
            ]
        else:
            assert found["min"] is None
            assert pd.isna(found["mean"])


def test_text_columns_with_few_levels_list_their_most_frequent_values(profiled, bronze):
    profile, _ = profiled
    texts = profile[profile["type"] == "string"]
    assert {"carrier", "tail_number"} <= set(texts["column"])
    for found in texts.to_dict("records"):
        counts = bronze[found["table"]][found["column"]].value_counts()
        if len(counts) > LEVELS:
            assert found["top"] is None
        else:
            expected = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
            assert json.loads(found["top"]) == [list(pair) for pair in expected]


def test_rows_known_after_as_of_are_not_counted(frames, bronze):
    early = datetime(2013, 1, 3, tzinfo=UTC)
    profile, _ = nodes.profile(early, *frames.values(), domain=DOMAIN)
    rows = profile.groupby("table")["rows"].first()
    for name, table in bronze.items():
        assert rows[name] == (table["available_at"] <= early).sum()
    assert 0 < rows["arrival"] < len(bronze["arrival"])


def test_numbers_that_cannot_be_added_exactly_have_no_mean(spark):
    frame = spark.createDataFrame(
        [(1.5, 1.5, 1e300, None), (float("nan"), float("inf"), 2.0, None), (0.25, 1.0, 3.0, None)],
        "nan double, infinite double, huge double, nothing double",
    )
    found = pd.DataFrame(profile_table("t", frame)).set_index("column")
    assert found.loc["nan", ["missing", "distinct", "mean", "max"]].tolist() == [1, 2, 0.875, "1.5"]
    assert found.loc[["infinite", "huge", "nothing"], "mean"].isna().all()
    assert found["missing"].tolist() == [1, 0, 0, 3]


def test_columns_can_have_any_type_and_name(spark):
    frame = spark.sql(
        "select date'2013-01-02' as `a day`, true as flag, array(1, 2) as `list.1`, cast(1.25 as decimal(9,2)) as d"
    )
    found = pd.DataFrame(profile_table("t", frame)).set_index("column")
    assert found.loc["a day", "min"] == "2013-01-02"
    assert json.loads(found.loc["flag", "top"]) == [["true", 1]]
    assert found.loc["list.1", "distinct"] == 1
    assert found.loc["d", "mean"] == 1.25


def test_saving_twice_is_idempotent(profiled, tmp_path):
    profile, rows = profiled
    table = DeltaDataset(path=str(tmp_path / "eda_profile"), zone="monitoring")
    for _ in range(2):
        table.save(rows)
    saved = table.delta().to_pandas().set_index(["table", "column"])
    assert len(saved) == len(profile)
    expected = profile.set_index(["table", "column"]).loc[saved.index]
    assert (saved["as_of"] == AS_OF).all()
    assert saved["mean"].equals(expected["mean"])
    assert saved["top"].where(saved["top"].notna(), None).equals(expected["top"].where(expected["top"].notna(), None))
