"""``podium status``, compared with MLflow and the table of alerts."""

import json
import subprocess
import sys

import pytest
from deltalake import DeltaTable
from mlflow import MlflowClient

from podium.errors import PodiumError
from podium.pipelines import STAGES
from podium.registry.overview import Registry
from tests.cli.conftest import PROJECT, run

PROBLEM = "flight_delay"


def test_champion_agrees_with_mlflow(life, listed):
    shown = listed("status")["problems"][PROBLEM]["champion"]
    version = MlflowClient(life.mlflow_uri, life.mlflow_uri).get_model_version_by_alias(PROBLEM, "champion")
    assert shown["version"] == str(version.version)
    assert (shown["algorithm"], shown["as_of"]) == (version.tags["podium.algorithm"], version.tags["podium.as_of"])
    assert shown["metrics"]["auc"] == float(version.tags["podium.metric.auc"])
    assert shown["baseline"]["auc"] == float(version.tags["podium.metric.baseline_auc"])
    assert not [name for name in shown["metrics"] if name.startswith(("baseline_", "gain_over_", "champion_"))]


def test_the_champion_was_promoted_and_there_is_no_challenger(listed):
    problem = listed("status")["problems"][PROBLEM]
    assert problem["champion"]["decision"] == "promoted"
    assert problem["champion"]["metrics"]["auc"] > problem["champion"]["baseline"]["auc"]
    assert problem["challenger"] is None


def test_last_runs_agree_with_mlflow(life, listed):
    client = MlflowClient(life.mlflow_uri)
    shown = listed("status")["pipelines"]
    assert list(shown) == list(STAGES)
    for name, run_ in shown.items():
        mlflows = client.get_run(run_["run_id"])
        assert mlflows.info.run_name == name
        assert run_["outcome"] == mlflows.info.status.lower() == "finished"
        assert run_["seconds"] == pytest.approx((mlflows.info.end_time - mlflows.info.start_time) / 1000)
    assert shown["training"]["as_of"].startswith("2013-04-01")
    assert shown["monitoring"]["as_of"].startswith("2013-05-03")
    # The latest of two runs.
    assert shown["feature_engineering"]["as_of"].startswith("2013-05-03")


def test_alerts_are_the_open_ones_of_the_table(life, listed):
    alerts = listed("status")["problems"][PROBLEM]["alerts"]
    table = DeltaTable(str(life.root / PROBLEM / "monitoring" / "alerts")).to_pandas()
    assert {alert["alert_id"] for alert in alerts} == set(table[table["status"] == "open"]["alert_id"])
    assert alerts
    severities = [alert["severity"] for alert in alerts]
    assert severities == sorted(severities)  # critical before warning


def test_the_plain_status_shows_the_same_figures(life, listed):
    found = listed("status")
    champion = found["problems"][PROBLEM]["champion"]
    shown = run(life.data, "status").output
    assert f"version {champion['version']}, {champion['algorithm']}, as of 2013-04-01, promoted" in shown
    assert f"{champion['metrics']['auc']:.3f}" in shown
    assert f"{champion['baseline']['auc']:.3f}" in shown
    assert f"{len(found['problems'][PROBLEM]['alerts'])} open" in shown
    assert all(name in shown for name in STAGES)
    assert "\x1b" not in shown


def test_before_the_first_run_the_status_is_empty(podium, tmp_path):
    found = json.loads(podium("status", "--json").stdout)
    assert found["problems"][PROBLEM]["champion"] is None
    assert found["problems"][PROBLEM]["challenger"] is None
    assert found["problems"][PROBLEM]["alerts"] == []
    assert set(found["pipelines"].values()) == {None}
    answer = podium("status")
    assert answer.exit_code == 0
    assert "podium demo" in answer.output
    assert not (tmp_path / "data").exists(), "status must not create files"


def test_status_starts_no_engine(life):
    code = (
        "import sys; from podium.cli import main; main(['status'], standalone_mode=False);"
        "print([name for name in ('pysail', 'pyspark.sql.connect.client') if name in sys.modules])"
    )
    environment = {"PODIUM_DATA": str(life.data), "PODIUM_HOME": str(PROJECT), "PATH": ""}
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert printed.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A separate MLflow, to which the tests add runs and versions."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("podium", artifact_location=str(folder / "artifacts"))
    return uri, client, experiment


def test_a_refused_candidate_is_shown_as_challenger(store):
    uri, client, _ = store
    client.create_registered_model("mine")
    tags = {
        "podium.algorithm": "heuristic",
        "podium.decision": "refused",
        "podium.checks": "auc: FAILED; log_loss: passed",
        "podium.metric.auc": "0.61",
        "podium.metric.baseline_auc": "0.6",
        "podium.metric.gain_over_baseline_auc": "0.01",
        "podium.metric.champion_auc": "0.7",
    }
    version = client.create_model_version("mine", "somewhere", tags=tags).version
    client.set_registered_model_alias("mine", "challenger", version)
    challenger = Registry(uri).version("mine", "challenger")
    assert (challenger.version, challenger.decision) == (str(version), "refused")
    assert (challenger.metrics, challenger.baseline) == ({"auc": 0.61}, {"auc": 0.6})
    assert Registry(uri).version("mine", "champion") is None
    assert Registry(uri).version("min", "challenger") is None


def test_the_last_run_can_be_failed_or_still_running(store):
    uri, client, experiment = store
    client.set_terminated(client.create_run(experiment, run_name="training").info.run_id)
    failed = client.create_run(experiment, run_name="training", start_time=10**13)
    client.set_terminated(failed.info.run_id, "FAILED")
    client.create_run(experiment, run_name="retraining", start_time=2 * 10**13)
    client.create_run(experiment, run_name="eda+inference")
    registry = Registry(uri)
    assert registry.last_run("training").run_id == failed.info.run_id
    assert registry.last_run("training").outcome == "failed"
    assert registry.last_run("inference").pipeline == "eda+inference"
    assert (registry.last_run("eda").outcome, registry.last_run("eda").seconds) == ("running", None)
    assert registry.last_run("monitoring") is None


def test_a_run_returns_its_trials_and_documents(store):
    uri, client, experiment = store
    parent = client.create_run(experiment, run_name="training", start_time=3 * 10**13)
    for _ in range(3):
        client.create_run(experiment, tags={"mlflow.parentRunId": parent.info.run_id})
    client.log_dict(parent.info.run_id, {"rows": 7}, "training.json")
    registry = Registry(uri)
    made = registry.last_run("training")
    assert len(registry.trials(made)) == 3
    assert registry.document(made, "training.json") == {"rows": 7}
    assert registry.document(made, "other.json") == {}


def test_an_mlflow_error_names_the_address(tmp_path):
    broken = tmp_path / "mlflow.db"
    broken.write_text("this is no database")
    with pytest.raises(PodiumError, match=r"MLflow at sqlite:///.*mlflow\.db failed"):
        Registry(f"sqlite:///{broken}").last_run("training")


def test_a_run_of_the_default_pipeline_counts_for_every_stage(store):
    uri, client, experiment = store
    client.create_run(experiment, run_name="training", start_time=3 * 10**13)
    everything = client.create_run(experiment, run_name="__default__", start_time=4 * 10**13)
    client.create_run(experiment, run_name="eda", start_time=5 * 10**13)
    registry = Registry(uri)
    assert registry.last_run("training").run_id == registry.last_run("monitoring").run_id == everything.info.run_id
    assert registry.last_run("eda").pipeline == "eda"
