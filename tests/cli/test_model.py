"""``podium model``: its listing and promotions agree with MLflow, and the how-to's commands run in order."""

import json
import shlex
from pathlib import Path

import pytest
from mlflow import MlflowClient

from podium.lakehouse import access
from tests.cli.conftest import run
from tests.conftest import PROJECT
from tests.docs.pages import blocks
from tests.registry.homes import NAME, Home

COMMAND = ("model", "promote", NAME, "--from", "staging", "--to", "prod")


@pytest.fixture(scope="module", autouse=True)
def restored_uris():
    """Restore MLflow's tracking URI, which the commands under test change."""
    import mlflow

    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder whose staging has a champion and a refused challenger."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "staging").mkdir()
    home = Home(folder / "staging", "staging")
    home.live(seed=1)
    home.live(seed=2, passed=False)
    return folder


@pytest.fixture
def fresh(data: Path, tmp_path: Path) -> Path:
    """A data folder with the same staging, and an empty prod."""
    (tmp_path / "staging").symlink_to(data / "staging")
    return tmp_path


def mlflow_of(data: Path, env: str) -> MlflowClient:
    uri = f"sqlite:///{data}/{env}/mlflow.db"
    return MlflowClient(uri, uri)


def test_the_list_agrees_with_mlflow(data: Path):
    answer = run(data, "model", "list", NAME, "--env", "staging", "--json")
    assert answer.exit_code == 0, answer.output
    listed = json.loads(answer.stdout)
    client = mlflow_of(data, "staging")
    assert [found["version"] for found in listed] == ["2", "1"]
    for found in listed:
        version = client.get_model_version(NAME, found["version"])
        assert found["aliases"] == list(version.aliases)
        assert (found["digest"], found["decision"]) == (version.tags["podium.digest"], version.tags["podium.decision"])
        assert (found["as_of"], found["algorithm"]) == (version.tags["podium.as_of"], "lightgbm")
        assert (found["metrics"]["auc"], found["baseline"]["auc"]) == (0.75, 0.6)
        assert (found["run_id"], found["promoted_from"]) == (version.run_id, None)


def test_the_plain_list_shows_the_same_versions(data: Path):
    shown = run(data, "model", "list", "--env", "staging").output.splitlines()
    assert len(shown) == 3
    assert all(word in shown[1] for word in (NAME, "challenger", "refused", "trained here", "0.750"))
    assert all(word in shown[2] for word in (NAME, "champion", "promoted"))


def test_the_list_reports_an_empty_registry_and_an_unknown_model(tmp_path: Path):
    answer = run(tmp_path, "model", "list", NAME)
    assert answer.exit_code == 0
    assert "dev has no versions yet" in answer.output
    assert json.loads(run(tmp_path, "model", "list", "--json").stdout) == []
    unknown = run(tmp_path, "model", "list", "flight_delays")
    assert unknown.exit_code == 1
    assert "did you mean 'flight_delay'?" in unknown.stderr
    assert not list(tmp_path.iterdir()), "a listing must not create files"


def test_a_dry_run_and_an_unconfirmed_promotion_write_nothing(fresh: Path):
    dry = run(fresh, *COMMAND, "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    said = json.loads(dry.stdout)
    assert (said["source_version"], said["version"], said["registered"], said["dry_run"]) == ("1", None, False, True)
    unsaid = run(fresh, *COMMAND)
    assert unsaid.exit_code == 1
    assert f"Copy {NAME} staging/1 to prod?" in unsaid.stderr
    assert not (fresh / "prod").exists()


def test_a_promotion_copies_once_and_is_idempotent(fresh: Path):
    first = json.loads(run(fresh, *COMMAND, "--yes", "--json").stdout)
    again = run(fresh, *COMMAND, "--json")
    version = mlflow_of(fresh, "prod").get_model_version_by_alias(NAME, "challenger")
    assert (first["version"], first["alias"], first["registered"]) == (str(version.version), "challenger", True)
    assert first["digest"] == version.tags["podium.digest"]
    assert json.loads(again.stdout) == first | {"registered": False}
    assert "There is nothing to do" in again.stderr
    shown = run(fresh, "status", "--env", "prod").output
    assert "champion    none" in shown
    assert f"version {version.version}, lightgbm, as of 2013-04-01, undecided" in shown


def test_a_promotion_shows_that_the_source_refused_the_version(fresh: Path):
    dry = run(fresh, *COMMAND, "--version", "2", "--dry-run")
    assert "staging decided: refused (auc: FAILED)" in dry.stderr


def test_a_user_without_write_access_to_the_target_registry_is_refused(fresh: Path, monkeypatch):
    before = access.current()
    monkeypatch.setenv("PODIUM_PRINCIPAL", "mallory")
    answer = run(fresh, *COMMAND, "--yes")
    assert answer.exit_code == 1
    assert "mallory" in answer.stderr
    assert "registry" in answer.stderr
    assert not (fresh / "prod").exists()
    assert access.current() is before


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_unknown_environment_is_refused_with_the_nearest_name(fresh: Path, option: str):
    command = list(COMMAND)
    command[command.index(option) + 1] = "stagin"
    answer = run(fresh, *command, "--yes")
    assert answer.exit_code == 1
    assert "no environment 'stagin' (did you mean 'staging'?)" in answer.stderr


def test_the_commands_of_the_how_to_run_in_order(fresh: Path):
    page = PROJECT / "docs/how-to/promote.md"
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    assert len(lines) >= 7
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "podium"
        answer = run(fresh, *arguments)
        assert answer.exit_code == 0, f"{line}: {answer.output}"
    prod = mlflow_of(fresh, "prod").search_model_versions(f"name = '{NAME}'")
    assert {found.tags["podium.promoted_from"] for found in prod} == {"staging/1", "staging/2"}
