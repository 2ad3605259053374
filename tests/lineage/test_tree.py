"""``podium model lineage`` agrees with delta-rs, MLflow and the files themselves."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import mlflow
import pytest
from deltalake import DeltaTable
from mlflow import MlflowClient

from podium import models
from podium.registry.candidate import MODEL_FILES
from tests.lineage.conftest import MOMENTS, Lived

EXAMPLES = "flight_delay.training_sets_examples"


@pytest.fixture(scope="module")
def champion(lived: Lived) -> dict:
    return lived.ask("model", "lineage", "flight_delay")


def walk(branch: dict) -> list[dict]:
    return [branch, *(found for each in branch["branches"] for found in walk(each))]


def newest_before(table: DeltaTable, moment: float) -> int:
    """A table's version at a time, by its Delta history."""
    return max(commit["version"] for commit in table.history() if commit["timestamp"] <= moment)


def test_the_champion_agrees_with_mlflow_and_its_files(champion: dict):
    version = MlflowClient().get_model_version_by_alias("flight_delay", "champion")
    assert (champion["kind"], champion["version"]) == ("model", str(version.version)) == ("model", "3")
    assert champion["run"]["run_id"] == version.run_id
    assert champion["run"]["as_of"].startswith(MOMENTS[-1])
    copy = Path(mlflow.artifacts.download_artifacts(f"models:/flight_delay/{version.version}"))
    assert champion["digest"] == models.digest(copy / MODEL_FILES)


def test_the_table_versions_that_training_read_are_those_at_its_start(lived: Lived, champion: dict):
    (examples,) = [branch for branch in champion["branches"] if branch["name"] == EXAMPLES]
    began = mlflow.get_run(champion["run"]["run_id"]).info.start_time
    read = [branch for branch in examples["branches"] if branch["kind"] == "table"]
    assert len(read) == 13 + 3 + 1  # feature tables, events, refreshes
    for branch in read:
        table = DeltaTable(branch["location"])
        assert int(branch["version"]) == newest_before(table, began), branch["name"]
        assert branch["digest"] == f"{branch['version']}@{table.metadata().id[:8]}"


def test_mlflow_has_the_same_versions_as_dataset_inputs(lived: Lived, champion: dict, tables: Callable):
    run = mlflow.get_run(champion["run"]["run_id"])
    inputs = {given.dataset.name: given.dataset.digest for given in run.inputs.dataset_inputs}
    (examples,) = [branch for branch in champion["branches"] if branch["name"] == EXAMPLES]
    told = {branch["name"]: branch["digest"] for branch in examples["branches"]}
    assert told.items() <= inputs.items()


def test_mlflow_opens_the_inputs_as_delta_tables(lived: Lived, champion: dict):
    run = mlflow.get_run(champion["run"]["run_id"])
    (weather,) = [given for given in run.inputs.dataset_inputs if given.dataset.name == "flights.features_weather"]
    source = mlflow.data.get_source(weather)
    assert type(source).__name__ == "DeltaDatasetSource"
    assert DeltaTable(source.path, version=source.delta_table_version).version() == source.delta_table_version


def test_every_table_names_the_run_that_wrote_it(lived: Lived, champion: dict, tables: Callable):
    found = tables(champion)
    assert len(found) == 1 + 13 + 1 + 8 + 3  # training set, features, refreshes, bronze, quarantine
    for branch in found.values():
        run = mlflow.get_run(branch["run"]["run_id"])
        began, ended = run.info.start_time, run.info.end_time
        commits = {commit["version"]: commit["timestamp"] for commit in DeltaTable(branch["location"]).history()}
        assert began <= commits[int(branch["version"])] <= ended, branch["name"]


def test_the_tree_ends_at_the_source_files_with_their_hashes(lived: Lived, champion: dict):
    files = {branch["location"]: branch["digest"] for branch in walk(champion) if branch["kind"] == "file"}
    assert set(files) == {str(path) for path in lived.source.glob("*.csv")}
    for path, digest in files.items():
        assert digest == sha256(Path(path).read_bytes()).hexdigest()


def test_used_for_lists_the_predictions_of_a_model(lived: Lived, champion: dict):
    (predictions,) = [branch for branch in champion["used_for"] if branch["name"] == "flight_delay.predictions"]
    log = DeltaTable(str(lived.answers / "predictions" / "log"))
    assert predictions["version"] == str(log.version())
    assert set(log.to_pandas()["model_version"]) == {"3"}
    assert lived.ask("model", "lineage", "flight_delay/1")["used_for"] == []


def test_monitoring_is_traced_to_the_training_set_of_the_champion_and_back(lived: Lived, champion: dict):
    """Monitoring reads the table of training sets through the catalog entry ``champion_examples``."""
    (examples,) = [branch for branch in champion["branches"] if branch["name"] == EXAMPLES]
    drift = lived.ask("model", "lineage", "flight_delay.monitoring_drift")

    (read,) = [branch for branch in drift["branches"] if branch["location"] == examples["location"]]
    assert (read["name"], read["digest"]) == ("flight_delay.training_sets_examples", examples["digest"])
    assert read["run"] == examples["run"]
    assert {branch["name"] for branch in read["branches"]} > {"flights.features_weather"}
    asked = lived.ask("model", "lineage", f"{examples['name']}@{examples['version']}")
    assert "flight_delay.monitoring_drift" in {branch["name"] for branch in asked["used_for"]}


def test_an_earlier_version_has_the_earlier_tables(lived: Lived, champion: dict, tables: Callable):
    first = lived.ask("model", "lineage", "flight_delay/1")
    assert first["run"]["as_of"].startswith(MOMENTS[0])
    weather = [key for tree in (first, champion) for key in tables(tree) if "features_weather" in key]
    assert len(set(weather)) == 2


def test_used_for_lists_the_models_made_from_a_table(lived: Lived, champion: dict, tables: Callable):
    (weather,) = [branch for branch in tables(champion).values() if branch["name"] == "flights.features_weather"]
    asked = lived.ask("model", "lineage", f"{weather['name']}@{weather['version']}")
    assert asked["digest"] == weather["digest"]
    made = [found for branch in asked["used_for"] for found in walk(branch)]
    assert {branch["version"] for branch in made if branch["kind"] == "model"} == {"3"}


def test_maintenance_of_a_table_does_not_change_the_run_that_wrote_it(lived: Lived):
    table = DeltaTable(str(lived.lake / "features" / "hour_history"))
    before = lived.ask("model", "lineage", "flights.features_hour_history")
    table.create_checkpoint()
    table.optimize.compact(max_concurrent_tasks=1)
    name = f"flights.features_hour_history@{DeltaTable(table.table_uri).version()}"
    assert lived.ask("model", "lineage", name)["run"] == before["run"]


def test_the_plain_output_is_a_tree_without_repetition(lived: Lived):
    said = lived.podium("model", "lineage", "flight_delay").output
    first = said.splitlines()[0]
    assert "flight_delay/3" in first
    assert "champion" in first
    assert said.count("bronze_arrival  ") == said.count("flights.csv  SHA-256") == 1
    assert "Used for" in said
    assert f"{datetime.now(UTC):%Y-%m-}" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flight_dela", "did you mean 'flight_delay'"),
        ("flight_delay/9", "There are: 1, 2, 3"),
        ("flight_delay@winner", "There are: champion"),
        ("flights.features_wether", "did you mean 'flights.features_weather'"),
        ("flights.features_weather@new", "is not a version of a table"),
    ],
)
def test_an_unknown_name_is_refused_with_the_existing_ones(lived: Lived, name: str, words: str):
    answer = lived.podium("model", "lineage", name)
    assert answer.exit_code == 1
    assert words in answer.output


def test_before_the_first_run_the_error_says_what_to_run_and_no_database_is_created(lived: Lived, tmp_path: Path):
    answer = lived.podium("model", "lineage", "flight_delay", data=tmp_path)
    assert answer.exit_code == 1
    assert "kedro run --env dev" in answer.output
    assert not list(tmp_path.rglob("*.db"))
