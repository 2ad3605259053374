"""A source is ingested once, a changed source is merged, and a user can return to an earlier source."""

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.lakehouse.errors import LakehouseError
from tests.flights import KEYS
from tests.leaks import assert_same_rows, differences, table_keys

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
def as_changed(changed, new_project):
    """A project that ingested only the changed files."""
    project = new_project(changed)
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

    assert versions(project.lake) == before


def test_a_changed_source_is_merged_and_the_former_one_returns(project, as_changed, week, changed, write_source):
    before = tables(project, TABLES)

    write_source(changed, project.source)
    project.run("feature_engineering", as_of=AS_OF)

    for name in [*BRONZE, *(name for name in TABLES if name.startswith("features/") and "refreshes" not in name)]:
        assert_same_rows(project.table(name), as_changed.table(name), keys=TABLES[name])
    arrivals = project.table("bronze/arrival")
    (found,) = differences(before["bronze/arrival"], arrivals[arrivals["flight"] != 9998], KEYS)[:1]
    assert "arrived_at: 1 of" in found
    assert (arrivals["flight"] == 9998).sum() == 1

    write_source(week, project.source)
    project.run("feature_engineering", as_of=AS_OF)

    for name in BRONZE:  # bronze tables only grow, so the additional flight stays
        now = project.table(name)
        now = now[now["flight"] != 9998] if "flight" in now else now
        assert_same_rows(now, before[name], keys=TABLES[name])
    first, intake = before["quarantine/intake"], project.table("quarantine/intake").sort_values("intake")
    newest = intake.groupby("event").tail(1)
    assert newest["intake"].tolist() == [3] * len(newest), "the two sources must give three intakes"
    assert set(newest["source_digest"]) == set(first["source_digest"])


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
    assert "file weather.csv (or .csv.zip, .csv.gz) is missing" in message
    assert "(did you mean 'weathr'?)" in message
    assert "file airlines.csv" in message
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

    with pytest.raises(PodiumError, match="The source of flights holds no rows with a date"):
        project.run("feature_engineering", as_of=AS_OF)
