"""Bronze and features do not depend on the order in which a source delivers rows, and cost what comes in."""

import pandas as pd
import pytest
from deltalake import DeltaTable

from podium.domains.flights import DOMAIN
from tests.bits import assert_same_rows, table_keys

AS_OF = "2013-01-08"
TABLES = [name for name in table_keys(DOMAIN) if name.startswith(("bronze/", "features/")) and "refreshes" not in name]
KEYS = table_keys(DOMAIN)


def until(files: dict[str, pd.DataFrame], day: int) -> dict[str, pd.DataFrame]:
    """The source up to a day of January."""
    dated = {name: files[name] for name in ("flights", "weather")}
    return files | {name: frame[frame["day"].astype(int) <= day] for name, frame in dated.items()}


def file_names(project) -> dict[str, set[str]]:
    return {name: set(DeltaTable(str(project.lake / name)).file_uris()) for name in TABLES}


@pytest.fixture(scope="module")
def at_once(week, new_project):
    """A project that ingested the whole week in one run."""
    project = new_project(week)
    project.run("feature_engineering", as_of=AS_OF)
    return project


def test_a_day_that_comes_in_rewrites_no_file_and_gives_the_same_tables(week, at_once, new_project, write_source):
    project = new_project(until(week, 5))
    project.run("feature_engineering", as_of="2013-01-06")
    before = file_names(project)

    write_source(week, project.source)
    project.run("feature_engineering", as_of=AS_OF)

    for name in TABLES:
        assert_same_rows(project.table(name), at_once.table(name), keys=KEYS[name])
    after = file_names(project)
    # The departures, arrivals and cancellations of 5 January became known before the end of 6 January, but are in the
    # source only now. So only the timetable and what follows from it alone is left as it was.
    assert before["bronze/weather"] <= after["bronze/weather"]
    for event in DOMAIN.events:
        assert before[f"bronze/{event.name}"] <= after[f"bronze/{event.name}"], event.name


def test_history_that_comes_in_late_is_computed_again_from_its_time_on(
    week, at_once, new_project, write_source, caplog
):
    """The flights of one carrier on 4 January are missing at first."""
    flights = week["flights"]
    late = (flights["carrier"] == "B6") & (flights["day"] == "4")
    assert late.sum() > 3
    project = new_project(week | {"flights": flights[~late]})
    project.run("feature_engineering", as_of=AS_OF)
    changed = project.table("features/origin_departures")

    write_source(week, project.source)
    with caplog.at_level("INFO", logger="podium"):
        project.run("feature_engineering", as_of=AS_OF)

    assert len(changed)
    assert not changed.equals(at_once.table("features/origin_departures"))
    for name in TABLES:
        assert_same_rows(project.table(name), at_once.table(name), keys=KEYS[name])
    (said,) = [record.message for record in caplog.records if "were taken in late" in record.message]
    assert said.startswith("Facts known from 2012-11-05 11:00 on were taken in late.")  # timetables: 60 days ahead
    assert "origin_departures" in said
    assert "weather" not in said


def test_a_correction_that_comes_in_first_is_a_correction_in_the_end(week, new_project, write_source):
    flights = week["flights"].copy()
    place = flights.index[flights["arr_time"].str.match("1[0-9]..") & (flights["arr_delay"] != "")][0]
    for name, hour in (("arr_time", 100), ("arr_delay", 60)):
        flights.loc[place, name] = str(int(flights.loc[place, name]) + hour)
    corrected = week | {"flights": flights}
    projects = []
    for first, second in ((week, corrected), (corrected, week)):
        project = new_project(first)
        project.run("feature_engineering", as_of=AS_OF)
        write_source(second, project.source)
        project.run("feature_engineering", as_of=AS_OF)
        projects.append(project)

    one, other = projects
    assert one.table("bronze/arrival")["version"].tolist().count(2) == 1
    for name in TABLES:
        assert_same_rows(one.table(name), other.table(name), keys=KEYS[name])
