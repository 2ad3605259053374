"""``podium lake clean`` and ``podium lake maintain``, run as commands on small tables."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.schema import PrimitiveType

from podium.lakehouse import access, engine
from tests.cli.conftest import run

ZONES = ("bronze/timetable", "features/refreshes", "features/weather", "quarantine/intake", "predictions/log")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The same tables in three environments: expired in staging, without retention in dev and prod. Plus some files."""
    for env in ("dev", "staging", "prod"):
        for name in ZONES:
            make(tmp_path / env / "flight_delay" / name, retention="0 days" if env == "staging" else None)
        for name in ("flight_delay/landing/a.parquet", "flight_delay/reports/profile.html", "mlflow.db"):
            file = tmp_path / env / name
            file.parent.mkdir(exist_ok=True)
            file.write_text("something")
    return tmp_path


def make(path: Path, retention: str | None = None, commits: int = 3) -> Path:
    DeltaTable.create(
        path,
        Schema([Field("n", PrimitiveType("long"))]),
        configuration={"podium.retention": retention} if retention else {},
        raise_if_key_not_exists=False,
    )
    for commit in range(commits):
        write_deltalake(path, pa.table({"n": [commit]}), mode="append")
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_clean_without_yes_changes_nothing(data):
    before = content(data)
    answer = run(data, "lake", "clean", "--env", "staging", "--vacuum", "--optimize")
    assert answer.exit_code == 0, answer.output
    assert content(data) == before
    for name in ("bronze_timetable", "predictions", "landing", "report_profile"):
        assert f"flight_delay.{name} " in answer.output
    assert "5 tables" in answer.output
    assert "Nothing was dropped. To drop what has expired: " in answer.output


def test_clean_with_yes_empties_staging_and_leaves_the_other_environments(data):
    before = {env: content(data / env) for env in ("dev", "prod")}
    answer = run(data, "lake", "clean", "--env", "staging", "--yes", "--json")
    assert answer.exit_code == 0, answer.output
    (lot,) = json.loads(answer.stdout)["namespaces"]
    assert (lot["namespace"], lot["expired"], len(lot["items"])) == ("flight_delay", True, 7)
    assert list(content(data / "staging")) == ["mlflow.db"]
    assert {env: content(data / env) for env in ("dev", "prod")} == before
    again = run(data, "lake", "clean", "--env", "staging", "--yes")
    assert (again.exit_code, again.output.startswith("There are no tables or files in")) == (0, True)


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_clean_never_drops_tables_without_retention(data, env):
    before = content(data)
    answer = run(data, "lake", "clean", "--env", env, "--yes")
    assert answer.exit_code == 0, answer.output
    assert "never expire, because flight_delay.bronze_timetable and 4 others have no retention" in answer.output
    assert content(data) == before


def test_clean_refuses_two_environments_in_the_same_place(data, monkeypatch):
    monkeypatch.setenv("PODIUM_STAGING_ROOT", str(data / "prod" / "flight_delay" / ".."))
    before = content(data)
    answer = run(data, "lake", "clean", "--env", "staging", "--yes")
    assert answer.exit_code == 1
    assert "staging and prod keep their tables in the same place" in answer.output
    assert content(data) == before


def test_clean_refuses_a_symbolic_link(data, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "flight_delay"
    (data / "staging" / "flight_delay").rename(elsewhere)
    (data / "staging" / "flight_delay").symlink_to(elsewhere)
    before = content(elsewhere)
    answer = run(data, "lake", "clean", "--env", "staging", "--yes")
    assert answer.exit_code == 1
    assert "Nothing was dropped" in answer.output
    assert content(elsewhere) == before


def test_clean_names_a_broken_table_and_drops_nothing_of_its_problem(data):
    broken = data / "staging/flight_delay/bronze/timetable/_delta_log" / f"{3:020}.json"
    broken.write_text("not JSON")
    before = content(data)
    assert run(data, "lake", "clean", "--env", "staging").exit_code == 0
    answer = run(data, "lake", "clean", "--env", "staging", "--yes")
    assert answer.exit_code == 1
    assert "flight_delay.bronze_timetable: its log cannot be read" in answer.output
    assert content(data) == before
    listed = run(data, "lake", "tables", "--env", "staging")
    assert (listed.exit_code, "The log of flight_delay.bronze_timetable" in listed.output) == (1, True)


def test_a_user_without_write_access_can_neither_clean_nor_maintain(data, monkeypatch):
    monkeypatch.setenv("PODIUM_PRINCIPAL", "nobody@example.com")
    before = content(data)
    for command in (["clean", "--yes"], ["clean"], ["maintain"]):
        answer = run(data, "lake", *command, "--env", "staging")
        assert answer.exit_code == 1
        assert "nobody@example.com" in answer.output
    assert content(data) == before


def test_the_commands_restore_the_engine_and_the_access_policy(data):
    before = engine.current(), access.current()
    run(data, "lake", "clean", "--env", "staging", "--yes")
    run(data, "lake", "maintain", "--env", "prod", "--retention-hours", "1")
    assert (engine.current(), access.current()) == before


def test_maintain_reports_the_compacted_files(data):
    answer = run(data, "lake", "maintain", "--json")
    assert answer.exit_code == 0, answer.output
    tables = {table["name"]: table for table in json.loads(answer.stdout)["tables"]}
    assert tables.keys() == {
        *("flight_delay.bronze_timetable", "flight_delay.features_refreshes", "flight_delay.features_weather"),
        *("flight_delay.quarantine_intake", "flight_delay.predictions"),
    }
    for table in tables.values():
        assert (table["before"], table["after"], table["trouble"]) == (3, 1, "")
        assert len(DeltaTable(table["path"]).file_uris()) == 1
        assert sorted(DeltaTable(table["path"]).to_pyarrow_table()["n"].to_pylist()) == [0, 1, 2]


def test_maintain_changes_only_the_named_table(data):
    before = content(data)
    answer = run(data, "lake", "maintain", "flight_delay.predictions")
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("flight_delay.predictions: files 3 -> 1, ")
    changed = {path for path, text in content(data).items() if before.get(path) != text}
    assert {Path(path).parts[:4] for path in changed} == {("dev", "flight_delay", "predictions", "log")}


def test_maintain_dry_run_changes_nothing(data):
    before = content(data)
    answer = run(data, "lake", "maintain", "--dry-run", "--json")
    assert {table["files"] for table in json.loads(answer.stdout)["tables"]} == {3}
    assert content(data) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["flight_delay.prediction"],
            "flight_delay.prediction (did you mean 'flight_delay.predictions'?)",
        ),
        (["--retention-hours", "24"], "A retention of 24 hours is refused"),
        (["../prod/flight_delay/predictions/log"], "There is no table"),
    ],
)
def test_maintain_refuses_bad_arguments(data, arguments, message):
    before = content(data)
    answer = run(data, "lake", "maintain", *arguments)
    assert (answer.exit_code, message in answer.output) == (1, True), answer.output
    assert content(data) == before


def test_maintain_continues_after_a_broken_table(data):
    log = data / "dev/flight_delay/bronze/timetable/_delta_log" / f"{3:020}.json"
    log.write_text("not JSON")
    answer = run(data, "lake", "maintain")
    assert answer.exit_code == 1
    assert "flight_delay.bronze_timetable: FAILED" in answer.output
    assert len(DeltaTable(data / "dev/flight_delay/predictions/log").file_uris()) == 1


def test_forced_vacuum_keeps_the_rows(data):
    answer = run(data, "lake", "maintain", "--retention-hours", "0", "--force")
    assert answer.exit_code == 0, answer.output
    path = data / "dev/flight_delay/predictions/log"
    assert len(list(path.glob("*.parquet"))) == 1
    assert sorted(DeltaTable(path).to_pyarrow_table()["n"].to_pylist()) == [0, 1, 2]
