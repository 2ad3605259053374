"""Feature tables that were refreshed in steps, repaired or recomputed are bit-identical to those of a single run."""

import shutil

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.features.code import table_code
from podium.pipelines.feature_engineering import nodes
from tests.bits import assert_same_rows, table_keys

from .conftest import AS_OF

TABLES = {name: keys for name, keys in table_keys(DOMAIN).items() if name.startswith("features/")}
ROWS = [name for name in TABLES if name != "features/refreshes"]
# The timetable is published weeks ahead, so at these moments it has no new rows.
NOTHING_NEW = {"features/timetable_load"}
# At midnight, on and off the grid, minutes or weeks apart, and in the hour of the change to daylight saving time.
STEPS = [
    "2013-02-15",
    "2013-02-15T06:07",
    "2013-02-15T06:15:01",
    "2013-02-17T23:59:59.999999",
    "2013-03-10T07:00",
    AS_OF,
]


@pytest.fixture(scope="module")
def stepped(files, new_project):
    """A project that computed its features in steps."""
    project = new_project(files)
    for moment in STEPS:
        project.run("feature_engineering", as_of=moment)
    return project


def versions(project) -> dict[str, int]:
    from deltalake import DeltaTable

    return {name: DeltaTable(str(project.lake / name)).version() for name in TABLES}


def assert_as_computed_in_one_go(project, computed) -> None:
    for name, keys in TABLES.items():
        before, after = computed.table(name), project.table(name)
        assert_same_rows(*(frame.drop(columns="code", errors="ignore") for frame in (before, after)), keys=keys)


def test_refreshes_in_steps_equal_a_single_run(stepped, computed):
    assert_as_computed_in_one_go(stepped, computed)


@pytest.mark.parametrize("moment", [AS_OF, "2013-02-13", "2013-03-12T06:06:59"])
def test_a_run_without_new_data_writes_nothing(stepped, moment):
    before = versions(stepped)

    stepped.run("feature_engineering", as_of=moment)

    assert versions(stepped) == before


def test_one_more_day_adds_only_rows_of_that_day(computed, new_project):
    """Uses a copy of the project, so that the tables of the other tests do not change."""
    project = new_project(computed.source)
    shutil.copytree(computed.lake, project.lake)

    project.run("feature_engineering", as_of="2013-03-13T06:07")

    for name in ROWS:
        before, after = computed.table(name), project.table(name)
        old = after[after["feature_time"] <= before["feature_time"].max()]
        assert_same_rows(before, old, keys=TABLES[name])
        new = after[after["feature_time"] > before["feature_time"].max()]
        assert len(new) or name in NOTHING_NEW
        assert (new["feature_time"] > pd.Timestamp(AS_OF, tz="UTC")).all()


@pytest.mark.parametrize("since", ["2013-03-10T07:00:00.5", "2012-01-01"])
def test_a_backfill_leaves_the_tables_equal(stepped, computed, since):
    before = versions(stepped)

    stepped.run("feature_engineering", as_of=AS_OF, flights__features__recompute_from=since)

    after = versions(stepped)
    assert all(after[name] == before[name] + 1 for name in ROWS if name not in NOTHING_NEW), (
        "a backfill must rewrite rows"
    )
    assert_as_computed_in_one_go(stepped, computed)


def test_a_backfill_up_to_an_earlier_moment_leaves_later_rows_alone(stepped, computed):
    stepped.run("feature_engineering", as_of="2013-02-17T10:10", flights__features__recompute_from="2013-02-13T11:11")

    assert_as_computed_in_one_go(stepped, computed)


def test_a_backfill_repairs_a_table(stepped, computed):
    """A backfill restores deleted and corrupted rows."""
    from deltalake import DeltaTable

    table = DeltaTable(str(stepped.lake / "features" / "weather"))
    table.delete("feature_time > '2013-03-01T00:00:00Z' AND feature_time < '2013-03-04T00:00:00Z'")
    table.update(updates={"weather_temp": "weather_temp + 1"}, predicate="feature_time > '2013-03-10T00:00:00Z'")

    stepped.run("feature_engineering", as_of=AS_OF, flights__features__recompute_from="2013-03-01")

    assert_as_computed_in_one_go(stepped, computed)


@pytest.mark.parametrize("as_of", [AS_OF, "2013-02-20"])
def test_a_changed_definition_recomputes_its_own_table_as_far_as_it_reached(stepped, computed, monkeypatch, as_of):
    before = versions(stepped)
    monkeypatch.setattr(
        nodes, "table_code", lambda table: f"of {as_of}" if table.name == "weather" else table_code(table)
    )

    stepped.run("feature_engineering", as_of=as_of)

    after = versions(stepped)
    assert {name for name in TABLES if after[name] != before[name]} == {"features/weather", "features/refreshes"}
    assert_as_computed_in_one_go(stepped, computed)
