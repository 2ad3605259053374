"""A source is ingested once, a changed source adds versions, and a user can return to an earlier source."""

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.lakehouse.errors import LakehouseError
from tests.bits import assert_same_rows, table_keys
from tests.flights import KEYS

AS_OF = "2013-01-06"
TABLES = table_keys(DOMAIN)
BRONZE = [name for name in TABLES if name.startswith("bronze/")]


@pytest.fixture(scope="module")
def project(week, new_project):
    """A project that ingested the week."""
    project = new_project(week)
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="module")
def changed(week) -> dict[str, pd.DataFrame]:
    """The same files, with one flight that lands an hour later and one additional flight."""
    flights = week["flights"].copy()
    place = flights.index[flights["arr_time"].str.match("1[0-9]..") & (flights["arr_delay"] != "")][0]
    for name, hour in (("arr_time", 100), ("arr_delay", 60)):
        flights.loc[place, name] = str(int(flights.loc[place, name]) + hour)
    one_more = flights.loc[[place]].assign(flight="9998")
    return week | {"flights": pd.concat([flights, one_more], ignore_index=True)}


@pytest.fixture(scope="module")
def grown(week, changed, new_project):
    """A project that ingested the additional flight, but not the correction."""
    project = new_project(week | {"flights": pd.concat([week["flights"], changed["flights"].tail(1)])})
    project.run("feature_engineering", as_of=AS_OF)
    return project


def tables(project, names) -> dict[str, pd.DataFrame]:
    return {name: project.table(name) for name in names}


def test_a_second_run_writes_no_table(project, versions):
    before = versions(project.lake)

    project.run("feature_engineering", as_of=AS_OF)

    assert set(before) == set(TABLES)
    assert versions(project.lake) == before


def test_the_same_files_in_another_folder_are_the_same_source(project, week, write_source, tmp_path, versions):
    before = versions(project.lake)

    project.run("feature_engineering", as_of=AS_OF, flights__source=str(write_source(week, tmp_path / "copy")))

    after = versions(project.lake)
    assert {name for name in after if after[name] != before[name]} == {"quarantine/marks"}
    assert len(project.table("quarantine/marks")) == 10


def test_a_corrected_row_is_a_version_that_features_do_not_see(project, grown, week, changed, write_source):
    before = tables(project, TABLES)

    write_source(changed, project.source)
    project.run("feature_engineering", as_of=AS_OF)

    for name in TABLES:
        if name.startswith("features/") and "refreshes" not in name:
            assert_same_rows(project.table(name), grown.table(name), keys=TABLES[name])
    for name in BRONZE:
        found = project.table(name)
        assert (found["version"] > 1).sum() == (name == "bronze/arrival")
        assert_same_rows(found[found["version"] == 1], grown.table(name), keys=TABLES[name])
    arrivals = project.table("bronze/arrival")
    (corrected,) = arrivals[arrivals["version"] == 2].to_dict("records")
    (first,) = before["bronze/arrival"].merge(arrivals[arrivals["version"] == 2][KEYS], on=KEYS).to_dict("records")
    assert corrected["landed_at"] - first["landed_at"] == pd.Timedelta(hours=1)
    assert corrected["known_at"] > first["known_at"]

    # Bronze keeps what it has if the source returns to an earlier state. (One row stands there twice.)
    stands = tables(project, BRONZE)
    write_source(week | {"flights": pd.concat([week["flights"], week["flights"].tail(1)])}, project.source)
    project.run("feature_engineering", as_of=AS_OF)

    for name in BRONZE:
        assert_same_rows(project.table(name), stands[name], keys=TABLES[name])
    intake = project.table("quarantine/intake").sort_values("intake")
    last = intake[intake["intake"] == 3]
    assert set(last["event"]) == {"timetable", "departure", "arrival", "cancellation"}, "only flights.csv has changed"
    assert (last["kept"] == 0).all()
    assert (last["rows_in"] == last["quarantined"] + last["duplicates"]).all()


def test_changed_parameters_ingest_the_source_again(week, new_project):
    project = new_project(week)
    project.run("feature_engineering", as_of=AS_OF)
    before, known = project.table("bronze/weather"), project.table("features/weather")["feature_time"]

    project.run("feature_engineering", as_of=AS_OF, flights__knowable__weather_hours=3)

    both = before.merge(project.table("bronze/weather"), on=["origin", "observed_at"])
    assert (both["available_at_y"] - both["available_at_x"] == pd.Timedelta(hours=2)).all()
    later = known + pd.Timedelta(hours=2)
    computed = project.table("features/weather")["feature_time"]
    assert set(computed) == set(later[later <= pd.Timestamp(AS_OF, tz="UTC")])


def test_missing_files_and_columns_are_named_and_nothing_is_written(week, new_project):
    flights = week["flights"].rename(columns={"dep_delay": "departure_delay", "tailnum": "tail_num"})
    files = {"flights": flights, "weathr": week["weather"], "airports": week["airports"], "planes": week["planes"]}
    project = new_project(files)

    with pytest.raises(LakehouseError) as refused:
        project.run("feature_engineering", as_of=AS_OF)

    message = str(refused.value)
    assert "flights.csv: column dep_delay is missing" in message
    assert "flights.csv: column tailnum is missing (did you mean 'tail_num'?)" in message
    assert "no file weather*.csv (or .jsonl, .parquet, zipped or not) in" in message
    assert "(did you mean 'weathr'?)" in message
    assert "no file airlines*.csv" in message
    assert not project.lake.exists()


def test_a_source_without_cancellations_is_accepted(week, new_project):
    """An event without rows gives an empty table."""
    flights = week["flights"]
    project = new_project(week | {"flights": flights[flights["dep_time"] != ""]})

    project.run("feature_engineering", as_of=AS_OF)

    assert project.table("bronze/cancellation").empty
    assert len(project.table("features/origin_departures"))
    counts = project.table("quarantine/intake").set_index("event").loc["cancellation"]
    assert (counts["rows_in"], counts["kept"], counts["quarantined"]) == (0, 0, 0)


def test_a_source_without_rows_is_refused(week, new_project):
    project = new_project({name: frame.head(0) for name, frame in week.items()})

    with pytest.raises(PodiumError, match="The sources of flights hold no rows with a date"):
        project.run("feature_engineering", as_of=AS_OF)
