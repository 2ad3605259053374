"""The MLflow address of an environment, and the errors if no server answers there."""

import os
import socket
import subprocess
import sys
import time

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from podium.cli.project import open_project
from podium.errors import PodiumError
from podium.registry import tracking
from podium.registry.overview import Registry
from podium.registry.tracking import TrackingLocation, artifact_location, prepare, registry_uri, tracking_uri
from tests.conftest import PROJECT

VARIABLES = {"staging": "PODIUM_STAGING_MLFLOW", "prod": "PODIUM_PROD_MLFLOW"}
ENVIRONMENTS = ["dev", *VARIABLES]


@pytest.fixture
def place(monkeypatch, data_folder):
    """Return a function that reads the configured MLflow location of an environment."""
    monkeypatch.setenv("PODIUM_HOME", str(PROJECT))
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)

    def ask(env: str) -> TrackingLocation:
        return TrackingLocation.of(env, open_project(env).section("mlflow"))

    return ask


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_without_a_server_the_database_is_in_the_folder_of_the_environment(env, place, data_folder, monkeypatch):
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, "")
    found = place(env)
    assert found.uri == found.registry == f"sqlite:///{data_folder}/{env}/mlflow.db"
    assert found.artifacts == f"{data_folder}/{env}/mlartifacts"
    assert not found.exists


@pytest.mark.parametrize("env", VARIABLES)
def test_a_variable_names_the_server_of_its_environment_only(env, place, monkeypatch):
    monkeypatch.setenv(VARIABLES[env], "https://mlflow.example.com")
    for each in ENVIRONMENTS:
        found = place(each)
        if each == env:
            assert found.uri == found.registry == "https://mlflow.example.com"
            assert found.artifacts is None, "the server chooses the place for artifacts"
        else:
            assert found.uri.startswith("sqlite:///")


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_variables_of_mlflow_do_not_change_the_location(env, place, monkeypatch):
    before = place(env)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.example.com")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://elsewhere.example.com")
    assert place(env) == before


def test_the_databricks_address_is_passed_through(place, monkeypatch):
    monkeypatch.setenv("PODIUM_PROD_MLFLOW", "databricks")
    found = place("prod")
    assert (found.uri, found.registry, found.artifacts) == ("databricks", "databricks-uc", None)
    prepare(found.uri)
    prepare("databricks://profile")
    assert registry_uri("databricks://profile") == "databricks-uc://profile"


def test_with_a_database_server_artifacts_are_in_the_folder():
    uri = tracking_uri("postgresql+psycopg2://db/mlflow", "/data/prod")
    assert artifact_location(uri, "/data/prod") == "/data/prod/mlartifacts"
    prepare(uri)


@pytest.mark.parametrize("address", ["127.0.0.1:5000", "prod", "ftp://mlflow.example.com"])
def test_an_invalid_address_is_refused(address, monkeypatch):
    monkeypatch.setenv("PODIUM_PROD_MLFLOW", address)
    with pytest.raises(PodiumError, match=r"named by the variable PODIUM_PROD_MLFLOW, is not an address of MLflow"):
        prepare(address)


@pytest.fixture
def silent_server():
    """A server that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"


def test_a_silent_server_times_out(silent_server, monkeypatch):
    monkeypatch.setitem(tracking.IMPATIENT, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("PODIUM_STAGING_MLFLOW", silent_server)
    before, began = dict(os.environ), time.monotonic()
    with pytest.raises(PodiumError, match="named by the variable PODIUM_STAGING_MLFLOW, does not answer") as refused:
        Registry(silent_server).last_run("training")
    assert time.monotonic() - began < 90  # MLflow's own timeout is many minutes
    assert "secret" not in str(refused.value)
    assert dict(os.environ) == before


def test_a_run_without_its_server_fails_before_the_first_node(data_folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listen(), so that connections are refused
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        environment = os.environ | {"PODIUM_PROD_MLFLOW": address, "PODIUM_DATA": str(data_folder)}
        command = [sys.executable, "-m", "kedro", "run", "--env", "prod", "--pipelines", "deployment"]
        began = time.monotonic()
        answer = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        took = time.monotonic() - began
    assert answer.returncode == 1
    assert f"The MLflow server {address}, named by the variable PODIUM_PROD_MLFLOW, does not answer" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert took < 150  # MLflow's own retries take more than four minutes
    assert not data_folder.exists()


def test_a_database_whose_creation_was_killed_is_created_by_the_next_process(tmp_path):
    uri = f"sqlite:///{tmp_path}/dev/mlflow.db"
    code = f"from podium.registry.tracking import prepare; prepare({uri!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not any(file.stat().st_size > 100_000 for file in tmp_path.glob("dev/mlflow.db*")):
        assert process.poll() is None, "the process ended before the kill"
        time.sleep(0.01)
    process.kill()
    process.wait()

    prepare(uri)

    assert MlflowClient(uri).search_experiments()


def test_two_concurrent_first_processes_create_one_database(tmp_path, monkeypatch):
    file, made = tmp_path / "dev" / "mlflow.db", SqlAlchemyStore.__init__

    def too_late(self: SqlAlchemyStore, *args):
        made(self, *args)
        file.write_bytes(b"made by the other one")

    monkeypatch.setattr(SqlAlchemyStore, "__init__", too_late)

    prepare(f"sqlite:///{file}")

    assert file.read_bytes() == b"made by the other one"
    assert list(file.parent.iterdir()) == [file]


def test_two_concurrent_first_processes_create_one_experiment(place, data_folder, monkeypatch):
    """Both processes find no experiment and then try to create it."""
    dev = place("dev")
    prepare(dev.uri)
    find, found = MlflowClient.get_experiment_by_name, []

    def too_late(client: MlflowClient, name: str):
        found.append(find(client, name))
        if len(found) == 1:
            client.create_experiment(name)  # as the other process does
        return found[-1]

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", too_late)

    assert dev.experiment_id() == found[1].experiment_id
    assert found[0] is None
