"""``podium model reproduce`` gives the same predictions from the same tables, or the reason why it cannot."""

import json
import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from mlflow import MlflowClient

from podium.lineage.reproduction import Again
from tests.lineage.conftest import Lived


@pytest.fixture
def copied(lived: Lived, tmp_path: Path) -> Path:
    """A copy of the data that a test may damage."""
    return Path(shutil.copytree(lived.project.data, tmp_path / "data"))


def weather(data: Path) -> str:
    return str(data / "dev" / "flights" / "features" / "weather")


def test_an_old_champion_is_reproduced_after_two_newer_ones(lived: Lived):
    runs = len(MlflowClient().search_runs(["0", "1"]))
    logs = {path: DeltaTable(str(path.parent)).version() for path in lived.root.glob("*/*/*/_delta_log")}
    found = lived.ask("model", "reproduce", "flight_delay/1")
    assert found["same"] is True
    assert (found["different"], found["most"]) == (0, 0.0)
    assert found["rows"] > 5000
    assert found["digest"] == MlflowClient().get_model_version("flight_delay", "1").tags["podium.digest"]
    # It reads the recorded table versions, although the tables have newer ones by now.
    version = int(found["tables"]["flights.features_weather"].partition("@")[0])
    assert version < DeltaTable(weather(lived.project.data)).version()
    assert logs == {path: DeltaTable(str(path.parent)).version() for path in lived.root.glob("*/*/*/_delta_log")}
    assert len(MlflowClient().search_runs(["0", "1"])) == runs, "a reproduction must not log a run"


def test_a_reproduction_with_another_seed_reports_a_difference(lived: Lived, copied: Path):
    """The test changes the seed in the recorded parameters."""
    run = MlflowClient().get_model_version("flight_delay", "2").run_id
    (file,) = lived.project.data.rglob(f"{run}/artifacts/lineage.json")
    kept = file.read_text()
    record = json.loads(kept)
    for event in record["events"]:
        for parameter in event["run"]["facets"].get("executionParameters", {}).get("parameters", []):
            if parameter["key"] == "flight_delay.training":
                parameter["value"] = json.dumps(json.loads(parameter["value"]) | {"seed": 99})
    file.write_text(json.dumps(record))
    try:
        answer = lived.podium("model", "reproduce", "flight_delay/2")
    finally:
        file.write_text(kept)
    assert answer.exit_code == 1
    assert "Not the same: " in answer.output


def test_vacuumed_versions_are_named_and_nothing_is_compared(lived: Lived, copied: Path):
    table = DeltaTable(weather(copied))
    table.optimize.compact()
    removed = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert removed
    answer = lived.podium("model", "reproduce", "flight_delay/1", data=copied)
    assert answer.exit_code == 1
    assert "flights.features_weather version 1: 2 of its 2 files are missing, probably since a VACUUM" in answer.output
    assert "nothing was compared" in answer.output
    assert "same" not in answer.stdout.lower()


def test_a_recreated_table_does_not_count_as_the_recorded_one(lived: Lived, copied: Path):
    old = DeltaTable(weather(copied)).to_pyarrow_dataset().to_table()
    shutil.rmtree(weather(copied))
    for _ in range(2):
        write_deltalake(weather(copied), old, mode="append")
    shutil.rmtree(copied / "dev" / "flights" / "features" / "hour_history")
    answer = lived.podium("model", "reproduce", "flight_delay/1", data=copied)
    assert answer.exit_code == 1
    assert "flights.features_weather version 1: the table has been dropped and created again since" in answer.output
    assert "flights.features_hour_history version 1: the table no longer exists" in answer.output


def test_a_difference_in_the_last_bit_is_not_the_same():
    assert not Again(rows=10, different=1, most=1e-17, digest="", same_bytes=False).same
