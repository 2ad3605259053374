"""``podium lake tables``, compared with delta-rs, the disk and Kedro's catalog."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from podium.lakehouse.listing import find_files, find_tables, rows_where
from podium.problems.flight_delay import PROBLEM
from tests.cli.conftest import PROJECT, run

ZONES = {"bronze", "quarantine", "features", "training_sets", "predictions", "monitoring"}


@pytest.fixture
def catalog(tmp_path: Path):
    """A catalog with overlapping entries: patterns with one, two and three placeholders, and a page entry."""
    delta = {"type": "podium.lakehouse.table.DeltaDataset"}
    root = f"{tmp_path}/r.o+ot"
    return {
        "{owner}.bronze_{table}": {**delta, "path": f"{root}/{{owner}}/bronze/{{table}}", "zone": "bronze"},
        "{owner}.predictions": {**delta, "path": f"{root}/{{owner}}/predictions/log", "zone": "predictions"},
        "{owner}.bronze_first": {**delta, "path": f"{root}/{{owner}}/bronze/first", "zone": "bronze"},
        "{owner}.seen_{zone}_{table}": {
            **delta,
            "path": f"{root}/{{owner}}/{{zone}}/{{table}}",
            "zone": "{zone}",
        },
        "{owner}.page_{name}": {
            "type": "text.TextDataset",
            "filepath": f"{root}/{{owner}}/pages/{{name}}.html",
        },
    }


def write(root: Path, name: str, rows: int, **options) -> Path:
    path = root / "r.o+ot" / name
    path.mkdir(parents=True, exist_ok=True)
    write_deltalake(path, pa.table({"n": range(rows)}), **options)
    return path


def test_the_listing_agrees_with_delta_rs_on_every_table_on_disk(life, listed):
    on_disk = {str(log.parent) for log in life.root.rglob("_delta_log")}
    tables = {table["path"]: table for table in listed("lake", "tables")}
    assert tables.keys() == on_disk
    for path, table in tables.items():
        assert set(table) == {"name", "zone", "path", "rows", "version"}
        assert table["rows"] == DeltaTable(path).to_pyarrow_dataset().count_rows()
        assert table["version"] == DeltaTable(path).version()
    assert {table["zone"] for table in tables.values()} == ZONES


def test_the_listing_uses_the_names_of_the_catalog(life, listed, monkeypatch):
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    monkeypatch.setenv("PODIUM_DATA", str(life.data))
    bootstrap_project(PROJECT)
    catalog = KedroServiceSession.create(project_path=PROJECT, env="dev").load_context().catalog
    tables = listed("lake", "tables")
    assert [catalog.get(table["name"]).path for table in tables] == [table["path"] for table in tables]
    assert [catalog.get(table["name"]).zone for table in tables] == [table["zone"] for table in tables]
    names = {table["name"] for table in tables}
    assert {"flights.bronze_timetable", "flights.features_weather", "flight_delay.predictions"} <= names
    assert {"flight_delay.monitoring_alerts", "flights.quarantine_rows"} <= names


def test_the_plain_listing_shows_names_rows_and_paths(life, listed):
    shown = run(life.data, "lake", "tables").output
    assert "\x1b" not in shown
    for table in listed("lake", "tables"):
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{table['name']} ")]
        assert f" {table['rows']:,} " in line
        assert line.rstrip().endswith(table["path"].removeprefix(f"{life.root}/"))


def test_every_feature_is_listed_with_its_table_and_users(listed):
    found = listed("lake", "features")
    assert {each["feature"] for each in found} == set(PROBLEM.feature_names) - set(PROBLEM.categorical)
    (temp,) = [each for each in found if each["feature"] == "weather_temp"]
    assert temp == {
        "feature": "weather_temp",
        "table": "flights.features_weather",
        "entity": ["origin"],
        "type": "double",
        "unit": "degrees Fahrenheit",
        "description": "newest observation of temp",
        "owner": "flight-operations",
        "freshness": "12 hours",
        "used_by": ["flight_delay"],
        "computed_until": "2013-05-03T00:00:00+00:00",
    }
    (hour,) = [each for each in found if each["feature"] == "minute_of_day"]
    assert (hour["table"], hour["freshness"], hour["computed_until"]) == ("", None, None)


def test_a_word_selects_features(life, podium):
    shown = run(life.data, "lake", "features", "LOAD_3h").output.splitlines()
    assert shown[0] == (
        "flights.features_timetable_load: by origin, slot; owner: flight-operations; used by: flight_delay; fresh for "
        "400 days; computed until: 2013-05-03"
    )
    assert shown[1].split()[:3] == ["load_3h", "bigint", "flights"]
    assert shown[2] == "1 feature"
    assert "computed until: never" in podium("lake", "features", "load_3h").output
    wrong = podium("lake", "features", "wether_temp")
    assert wrong.exit_code == 1
    assert "No feature matches 'wether_temp' (did you mean 'weather_temp'?)." in wrong.output


def test_an_empty_lake_lists_nothing_and_names_the_demo(podium):
    assert json.loads(podium("lake", "tables", "--json").stdout) == []
    answer = podium("lake", "tables")
    assert answer.exit_code == 0
    assert "podium demo" in answer.output


def test_the_most_specific_entry_names_a_table(tmp_path, catalog):
    write(tmp_path, "mine/bronze/first", 3)
    write(tmp_path, "mine/bronze/second", 4)
    write(tmp_path, "mine/predictions/log", 5)
    found = {table.name: (table.zone, table.rows, table.namespace) for table in find_tables(catalog)}
    assert found == {
        "mine.bronze_first": ("bronze", 3, "mine"),
        "mine.bronze_second": ("bronze", 4, "mine"),
        "mine.predictions": ("predictions", 5, "mine"),
    }


def test_folders_without_a_table_or_an_entry_are_left_out(tmp_path, catalog):
    write(tmp_path, "mine/scratch/something", 1)
    (tmp_path / "r.o+ot" / "mine" / "bronze" / "empty").mkdir(parents=True)
    assert find_tables(catalog) == []


def test_rows_are_those_of_the_newest_version(tmp_path, catalog):
    path = write(tmp_path, "mine/bronze/first", 10)
    write(tmp_path, "mine/bronze/first", 5, mode="append")
    DeltaTable(path).delete("n < 3")
    (table,) = find_tables(catalog)
    assert (table.rows, table.version) == (9, 2)


def test_an_empty_table_has_zero_rows(tmp_path, catalog):
    DeltaTable(write(tmp_path, "mine/bronze/first", 2)).delete()
    (table,) = find_tables(catalog)
    assert table.rows == 0


def test_rows_missing_from_the_log_statistics_are_counted_in_the_files(tmp_path, catalog):
    log = write(tmp_path, "mine/bronze/first", 7) / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    log.write_text("\n".join(map(json.dumps, actions)))
    (table,) = find_tables(catalog)
    assert table.rows == 7


def test_rows_where_filters_by_column(tmp_path, catalog):
    path = tmp_path / "r.o+ot" / "mine" / "bronze" / "first"
    path.mkdir(parents=True)
    write_deltalake(path, pa.table({"status": ["open", "closed", "open"], "n": [1, 2, 3]}))
    (table,) = find_tables(catalog)
    assert [row["n"] for row in rows_where(table, status="open")] == [1, 3]
    assert len(rows_where(table)) == 3


def test_find_files_returns_existing_files_of_the_catalog(tmp_path, catalog):
    page = tmp_path / "r.o+ot" / "mine" / "pages" / "first.html"
    page.parent.mkdir(parents=True)
    page.write_text("")
    assert find_files(catalog, "page_") == {"mine.page_first": page.as_uri()}
    assert find_files(catalog, "report_") == {}
