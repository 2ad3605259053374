"""The feature tables of every registered domain agree with their definitions."""

import pandas as pd
import pytest

from podium.registered import domains, problems

from .conftest import AS_OF

TABLES = {f"{domain.name}/features/{table.name}": table for domain in domains().values() for table in domain.tables}
every_table = pytest.mark.parametrize("name", TABLES)
every_problem = pytest.mark.parametrize("problem", problems().values(), ids=problems())


def read(project, name: str) -> pd.DataFrame:
    from deltalake import DeltaTable

    return DeltaTable(str(project.root / name)).to_pandas()


@every_table
def test_a_table_has_the_declared_columns_and_types(computed, spark, name):
    table = TABLES[name]
    found = {
        field.name: field.dataType.simpleString()
        for field in spark.read.format("delta").load(str(computed.root / name)).schema.fields
    }

    keys = {*table.entity, "feature_time"}
    assert {column: dtype for column, dtype in found.items() if column not in keys} == {
        feature.name: feature.dtype for feature in table.features
    }
    assert keys <= set(found)
    assert found["feature_time"] == "timestamp"


@every_table
def test_rows_are_unique_by_entity_and_time_and_not_later_than_the_run(computed, name):
    rows = read(computed, name)

    assert len(rows)
    assert not rows.duplicated([*TABLES[name].entity, "feature_time"]).any()
    assert not rows[[*TABLES[name].entity, "feature_time"]].isna().any().any()
    assert rows["feature_time"].max() <= pd.Timestamp(AS_OF, tz="UTC")


@every_table
def test_every_feature_has_at_least_two_values(computed, name):
    """A feature that is always null or always the same is a mistake."""
    rows = read(computed, name)

    assert [f.name for f in TABLES[name].features if rows[f.name].nunique() < 2] == []


@every_problem
def test_names_are_unique(problem):
    names = problem.feature_names

    assert len(names) == len(set(names))
    assert len({table.name for table in problem.tables}) == len(problem.tables)


def test_every_feature_has_a_unit_and_a_description():
    stored = [feature for table in TABLES.values() for feature in table.features]
    features = [*stored, *(feature for problem in problems().values() for feature in problem.request.features)]

    assert [f.name for f in features if not f.unit.strip() or len(f.description) < 8] == []
    assert {f.dtype for f in features} <= {"double", "bigint"}


@every_table
def test_every_table_has_an_owner_and_a_description(name):
    table, domain = TABLES[name], domains()[name.partition("/")[0]]

    assert table.owner
    assert table.description.endswith(".")
    assert table.freshness.total_seconds() > 0
    assert set(table.reads) <= {event.name for event in domain.events}


@every_problem
def test_requests_have_the_columns_that_features_need(spark, computed, problem):
    folder = computed.root / problem.domain.name / "bronze"
    bronze = {name: spark.read.format("delta").load(str(folder / name)) for name in problem.request_reads}

    columns = set(problem.requests(bronze).columns)

    assert columns >= {"prediction_time", *problem.keys, *problem.request.inputs, *problem.categorical}
    assert columns >= {column for table in problem.tables for column in table.entity}
