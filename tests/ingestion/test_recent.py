"""With ``recent_days``, bronze has only rows that became known in the last days of the source."""

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from tests.bits import assert_same_rows, table_keys

# Timetables are published a day ahead here, so that the week has old and recent ones.
SETTINGS = {"as_of": "2013-01-08", "flights__knowable__timetable_days": 1}
RECENT = SETTINGS | {"flights__ingestion__recent_days": 3}
DATED = ("arrival", "cancellation", "departure", "timetable", "weather")
DATELESS = ("airline", "airport", "plane")
TABLES = table_keys(DOMAIN)


@pytest.fixture(scope="module")
def whole_week(week, new_project):
    """A project with the whole week."""
    project = new_project(week)
    project.run("feature_engineering", **SETTINGS)
    return project


@pytest.fixture(scope="module")
def recent(week, new_project):
    """A project with the last three days of the same source."""
    project = new_project(week)
    project.run("feature_engineering", **RECENT)
    return project


def since(whole_week, days: int) -> pd.Timestamp:
    newest = max(whole_week.table(f"bronze/{name}")["available_at"].max() for name in DATED)
    return newest - pd.Timedelta(days=days)


@pytest.mark.parametrize("event", DATED)
def test_bronze_has_only_rows_known_in_the_recent_days(whole_week, recent, event):
    everything = whole_week.table(f"bronze/{event}")
    expected = everything[everything["available_at"] > since(whole_week, 3)]
    assert len(expected) < len(everything)
    assert_same_rows(recent.table(f"bronze/{event}"), expected, keys=TABLES[f"bronze/{event}"])


@pytest.mark.parametrize("event", DATELESS)
def test_rows_without_a_date_are_kept(whole_week, recent, event):
    name = f"bronze/{event}"
    assert_same_rows(recent.table(name), whole_week.table(name), keys=TABLES[name])


def test_the_intake_record_agrees_with_bronze(whole_week, recent):
    intake = recent.table("quarantine/intake").set_index("event")
    before = whole_week.table("quarantine/intake").set_index("event")
    for event in (*DATED, *DATELESS):
        table = recent.table(f"bronze/{event}")
        assert intake.loc[event, "kept"] == len(table)
        assert intake.loc[event, "rows_in"] == before.loc[event, "rows_in"]
        assert intake.loc[event, "quarantined"] == before.loc[event, "quarantined"]
        if len(table):
            assert intake.loc[event, "oldest"] == table["available_at"].min()
            assert intake.loc[event, "newest"] == table["available_at"].max()


def test_an_as_of_before_the_recent_days_is_refused(recent):
    with pytest.raises(PodiumError, match="is too early: the data of flights begin"):
        recent.run("feature_engineering", **RECENT | {"as_of": "2013-01-03"})


def test_changing_recent_days_ingests_the_source_again(week, new_project, whole_week, versions):
    project = new_project(week)
    project.run("eda", **RECENT)
    fewer = len(project.table("bronze/weather"))
    before = versions(project.lake)

    project.run("eda", **RECENT)
    again = versions(project.lake)
    assert {name: again[name] for name in before if "bronze" in name} == {
        name: version for name, version in before.items() if "bronze" in name
    }

    project.run("eda", **SETTINGS)
    assert fewer < len(project.table("bronze/weather")) == len(whole_week.table("bronze/weather"))


@pytest.mark.parametrize("days", [0, -1, 1.5, "some"])
def test_an_invalid_number_of_days_is_refused(recent, days):
    with pytest.raises(PodiumError, match=r"flights\.ingestion\.recent_days"):
        recent.run("feature_engineering", flights__ingestion__recent_days=days)
