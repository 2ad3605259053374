"""Files that are bad, late or gone: what can be taken in is, nothing is lost, and the run says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.errors import IncompleteError, PodiumError
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.sources import files
from podium.lakehouse.table import DeltaDataset
from tests.bits import assert_same_rows, table_keys
from tests.conftest import PROJECT, Project

AS_OF = "2013-01-08"
KEYS = table_keys(DOMAIN)
BRONZE = [name for name in KEYS if name.startswith("bronze/")]
FEATURES = [name for name in KEYS if name.startswith("features/") and "refreshes" not in name]


def days(week: dict[str, pd.DataFrame], *wanted: int) -> pd.DataFrame:
    flights = week["flights"]
    return flights[flights["day"].astype(int).isin(wanted)]


def ingest(project: Project) -> tuple[list[str], dict[str, str]]:
    """The command that takes in what is new, in another process, and its environment variables."""
    command = [sys.executable, "-m", "podium", "run", "--pipelines", "eda", "--namespaces", "ingestion.flights"]
    command += ["--params", f"flights.source={project.source}"]
    return command, os.environ | {"PODIUM_DATA": str(project.data), "COLUMNS": "200"}


@pytest.fixture
def five_days(week, new_project) -> Project:
    """A project with five days of flights, and the weather of the whole week."""
    project = new_project(week | {"flights": days(week, 1, 2, 3, 4, 5)})
    project.ingest()
    return project


def test_a_bad_file_among_good_ones_is_left_out_until_it_is_mended(week, five_days):
    six, seven = days(week, 6), days(week, 7)
    six.to_csv(five_days.source / "flights-6.csv", index=False)
    bad = five_days.source / "flights-7.csv"
    seven.rename(columns={"dep_delay": "dep_dely"}).to_csv(bad, index=False)

    with pytest.raises(IncompleteError) as incomplete:
        five_days.ingest()

    assert "flights-7.csv: column dep_delay is missing (did you mean 'dep_dely'?)" in incomplete.value.message
    assert len(five_days.table("bronze/timetable")) == len(days(week, 1, 2, 3, 4, 5, 6))
    with pytest.raises(IncompleteError):
        five_days.ingest()

    seven.to_csv(bad, index=False)
    five_days.ingest()
    assert len(five_days.table("bronze/timetable")) == len(week["flights"])


def test_the_exit_code_says_that_a_file_was_left_out(five_days):
    (five_days.source / "weather-more.csv.gz").write_bytes(b"nope")
    command, environment = ingest(five_days)

    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stderr
    assert "weather-more.csv.gz cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_two_intakes_at_the_same_time_both_are_recorded(week, five_days, monkeypatch):
    """A second run takes in the same day and one more, after the first has written bronze and before it has ended."""
    days(week, 6).to_csv(five_days.source / "flights-6.csv", index=False)
    save, others = DeltaDataset.save, []

    def slow(dataset: DeltaDataset, data: object) -> None:
        if dataset.path.endswith("quarantine/marks") and not others:
            days(week, 7).to_csv(five_days.source / "flights-7.csv", index=False)
            command, environment = ingest(five_days)
            others.append(subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=True))
        save(dataset, data)

    monkeypatch.setattr(DeltaDataset, "save", slow)
    five_days.ingest()

    assert others
    intake = five_days.table("quarantine/intake")
    assert intake["complete"].all()
    assert not intake.duplicated(["event", "intake"]).any()
    kept = intake.groupby("event")["kept"].sum()
    assert kept.to_dict() == {event.name: len(five_days.table(f"bronze/{event.name}")) for event in DOMAIN.events}
    assert len(five_days.table("bronze/timetable")) == len(week["flights"])


def test_a_stopped_batch_is_let_through_or_dropped_by_name(week, five_days):
    spoiled = days(week, 6).assign(arr_delay="garbage")
    spoiled.to_csv(five_days.source / "flights-6.csv", index=False)
    days(week, 7).to_csv(five_days.source / "flights-7.csv", index=False)
    left = (spoiled["dep_time"] != "").sum()

    with pytest.raises(PodiumError, match=rf"too many bad rows: arrival .* \({left} of .*, in flights-6.csv\)"):
        five_days.ingest()
    assert len(five_days.table("bronze/timetable")) == len(days(week, 1, 2, 3, 4, 5))

    five_days.ingest(flights__ingestion__let_through=["flights-6.csv"])
    assert len(five_days.table("bronze/timetable")) == len(week["flights"])

    spoiled.assign(flight="9999").to_csv(five_days.source / "flights-8.csv", index=False)
    five_days.run("eda", as_of=AS_OF, flights__ingestion__drop=["flights-8.csv"])
    assert len(five_days.table("bronze/timetable")) == len(week["flights"])
    dropped = five_days.table("quarantine/rows")
    dropped = dropped[(dropped["event"] == "timetable") & (dropped["item"] == "flights-8.csv")]
    assert set(dropped["rule"]) == {"dropped by name"}
    assert len(dropped) == len(spoiled)
    five_days.ingest()  # the next run is not held up


def test_many_rows_are_dropped_by_name_after_a_run_was_stopped(week, five_days, monkeypatch):
    """The engine's workers judge many rows, and the verdict is kept for the next run."""
    monkeypatch.setattr(files, "SMALL", -1)
    days(week, 6).assign(arr_delay="garbage").to_csv(five_days.source / "flights-6.csv", index=False)
    with pytest.raises(PodiumError, match="too many bad rows"):
        five_days.ingest()

    names = ["flights-6.csv"]
    five_days.ingest(flights__ingestion__drop=names)

    assert len(five_days.table("bronze/timetable")) == len(days(week, 1, 2, 3, 4, 5))
    assert "dropped by name" in set(five_days.table("quarantine/rows")["rule"])


def test_a_row_that_arrived_long_before_its_source_is_quarantined(week, five_days):
    live = {"flights__arrival": "live", "flights__ingestion__max_lateness_hours": 24}
    days(week, 6).to_csv(five_days.source / "flights-20130110T0000Z.csv", index=False)
    five_days.ingest(**live)
    days(week, 7).to_csv(five_days.source / "flights-20130108T2300Z.csv", index=False)
    five_days.ingest(**live | {"flights__ingestion__max_quarantined_share": 1})

    late = five_days.table("quarantine/rows")
    late = late[late["item"] == "flights-20130108T2300Z.csv"]
    assert set(late["rule"]) == {"arrived too late: its source had reached 2013-01-10 00:00 before"}
    assert len(late[late["event"] == "timetable"]) == len(days(week, 7))


def test_a_change_of_rules_without_the_files_is_refused(week, five_days):
    days(week, 6, 7).to_csv(five_days.source / "flights-6.csv", index=False)
    five_days.ingest()
    before = five_days.table("bronze/timetable")
    (five_days.source / "flights-6.csv").rename(five_days.source / "gone")

    with pytest.raises(PodiumError, match=r"rules of flights.timetable .* 1 files that were taken in are gone"):
        five_days.ingest(flights__knowable__timetable_days=50)

    assert_same_rows(before, five_days.table("bronze/timetable"), keys=KEYS["bronze/timetable"])
    given_up = {"flights__ingestion__from_the_beginning": ["flights", "weather"]}
    five_days.ingest(flights__knowable__timetable_days=50, **given_up)
    assert len(five_days.table("bronze/timetable")) == len(days(week, 1, 2, 3, 4, 5))


def test_lookup_files_that_are_gone_are_named(five_days):
    (five_days.source / "airports.csv").unlink()

    with pytest.raises(LakehouseError, match=r"rows that are no longer there: no file airports\*.csv"):
        five_days.ingest()


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes writes to one table fail."""

    def arrange(table: str) -> None:
        save = DeltaDataset.save

        def fails(self, data) -> None:
            if self.path.endswith(table):
                raise RuntimeError("the power failed")
            save(self, data)

        monkeypatch.setattr(DeltaDataset, "save", fails)

    return arrange


def test_history_that_a_broken_run_took_in_counts_although_another_source_follows(
    week, new_project, failing, monkeypatch
):
    """The rows of the broken run are in bronze, so that they no longer look new."""
    expected = new_project(week)
    expected.run("feature_engineering", as_of=AS_OF)
    project = new_project(week | {"flights": days(week, 1, 2, 4, 5, 6)})
    project.run("feature_engineering", as_of=AS_OF)
    days(week, 3).to_csv(project.source / "flights-3.csv", index=False)
    failing("quarantine/marks")
    with pytest.raises(RuntimeError, match="the power failed"):
        project.run("feature_engineering", as_of=AS_OF)
    monkeypatch.undo()
    monkeypatch.setenv("PODIUM_DATA", str(project.data))
    days(week, 7).to_csv(project.source / "flights-7.csv", index=False)

    project.run("feature_engineering", as_of=AS_OF)

    for name in (*BRONZE, *FEATURES):
        assert_same_rows(project.table(name), expected.table(name), keys=KEYS[name])
    assert project.table("quarantine/intake")["complete"].all()


@pytest.mark.parametrize(
    ("table", "hours"), [("bronze/weather", 3), ("bronze/weather", 1), ("quarantine/marks", 3), ("quarantine/marks", 1)]
)
def test_bronze_is_made_anew_if_a_run_with_other_rules_was_broken(
    week, new_project, failing, monkeypatch, table, hours
):
    """Broken before or after its table was written; then the new rules again, or the former ones."""
    project = new_project(week)
    project.ingest()
    before = project.table("bronze/weather")
    failing(table)
    with pytest.raises(RuntimeError, match="the power failed"):
        project.ingest(flights__knowable__weather_hours=3)
    monkeypatch.undo()
    monkeypatch.setenv("PODIUM_DATA", str(project.data))
    assert project.table("bronze/weather")["available_at"].equals(before["available_at"]) == (table == "bronze/weather")

    project.ingest(flights__knowable__weather_hours=hours)

    later = pd.Timedelta(hours=hours - 1)
    expected = before.assign(**{name: before[name] + later for name in ("available_at", "arrived_at", "known_at")})
    assert_same_rows(project.table("bronze/weather"), expected, keys=KEYS["bronze/weather"])
