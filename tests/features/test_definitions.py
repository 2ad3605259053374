"""The feature tables agree with their definitions."""

import pandas as pd
import pytest

from podium.problems import PROBLEMS

from .conftest import AS_OF

PROBLEM = PROBLEMS["flight_delay"]
TABLES = {table.name: table for table in PROBLEM.tables}
STORED = [feature for table in PROBLEM.tables for feature in table.features]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_declared_columns_and_types(computed, spark, name):
    table = TABLES[name]
    found = {
        field.name: field.dataType.simpleString()
        for field in spark.read.format("delta").load(str(computed.lake / "features" / name)).schema.fields
    }

    keys = {*table.entity, "feature_time"}
    assert {column: dtype for column, dtype in found.items() if column not in keys} == {
        feature.name: feature.dtype for feature in table.features
    }
    assert keys <= set(found)
    assert found["feature_time"] == "timestamp"


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_unique_by_entity_and_time_and_not_later_than_the_run(computed, name):
    rows = computed.table(f"features/{name}")

    assert len(rows)
    assert not rows.duplicated([*TABLES[name].entity, "feature_time"]).any()
    assert not rows[[*TABLES[name].entity, "feature_time"]].isna().any().any()
    assert rows["feature_time"].max() <= pd.Timestamp(AS_OF, tz="UTC")


@pytest.mark.parametrize("name", TABLES)
def test_every_feature_has_at_least_two_values(computed, name):
    """A feature that is always null or always the same is a mistake."""
    rows = computed.table(f"features/{name}")

    assert [f.name for f in TABLES[name].features if rows[f.name].nunique() < 2] == []


def test_names_are_unique(computed):
    names = PROBLEM.feature_names

    assert len(names) == len(set(names))
    assert len({table.name for table in PROBLEM.tables}) == len(PROBLEM.tables)


def test_every_feature_has_a_unit_and_a_description():
    features = [*STORED, *PROBLEM.request.features]

    assert [f.name for f in features if not f.unit.strip() or len(f.description) < 8] == []
    assert {f.dtype for f in features} <= {"double", "bigint"}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_an_owner_and_a_description(name):
    table = TABLES[name]

    assert table.owner
    assert table.description.endswith(".")
    assert table.freshness.total_seconds() > 0
    assert set(table.reads) <= {event.name for event in PROBLEM.events}


def test_requests_have_the_columns_that_features_need(spark, computed):
    bronze = {"timetable": spark.read.format("delta").load(str(computed.lake / "bronze" / "timetable"))}

    columns = set(PROBLEM.requests(bronze).columns)

    assert columns >= {"prediction_time", *PROBLEM.keys, *PROBLEM.request.inputs, *PROBLEM.categorical}
    assert columns >= {column for table in PROBLEM.tables for column in table.entity}
