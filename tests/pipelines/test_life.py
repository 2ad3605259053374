"""The model's whole life on a thinned year: every stage runs, says the same when it runs again, and sees no future."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from mlflow import MlflowClient
from sklearn.metrics import roc_auc_score

from podium.lakehouse.errors import PodiumError
from tests.conftest import Project

AS_OF, LATER = "2013-03-25", "2013-04-20"
QUICK = {
    "flight_delay__training__algorithms__lightgbm__trials": 1,
    "flight_delay__training__algorithms__lightgbm__rounds": 60,
    "flight_delay__training__algorithms__logistic_regression__trials": 1,
    "flight_delay__training__holdout_days": 21,
    "flight_delay__training__validation_days": 14,
    "flight_delay__evaluation__holdout_days": 21,
    "flight_delay__evaluation__resamples": 100,
    "flight_delay__evaluation__slice_min_rows": 500,
    "flight_delay__evaluation__thresholds__min_auc": 0.55,
    "flight_delay__evaluation__thresholds__min_slice_auc": 0.5,
    "flight_delay__evaluation__thresholds__min_rows": 200,
    "flight_delay__evaluation__thresholds__max_calibration_error": 0.3,
}
FIRST = ("eda", "feature_engineering", "training", "evaluation", "deployment")
THEN = ("feature_engineering", "inference", "monitoring")
# When a row was written, and by which run, is not what it says.
WALL_CLOCK = {"scored_at"}


def live(project: Project) -> None:
    for stage in FIRST:
        project.run(stage, as_of=AS_OF, **QUICK)
    for stage in THEN:
        project.run(stage, as_of=LATER, **QUICK)


@pytest.fixture(scope="module")
def lived(tmp_path_factory, small, write_source, spark):
    """A project whose model has lived once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("life")
        patch.setenv("PODIUM_DATA", str(folder / "data"))
        project = Project(folder / "data", write_source(small, folder / "source"))
        live(project)
        yield project


def contents(project: Project) -> dict[str, pd.DataFrame]:
    """Every table of the project, rows in one order, without what tells the wall clock."""
    found = {}
    for log in sorted(project.lake.glob("*/*/_delta_log")):
        name = str(log.parent.relative_to(project.lake))
        frame = DeltaTable(str(log.parent)).to_pandas().drop(columns=WALL_CLOCK, errors="ignore")
        text = frame.astype(str)
        found[name] = frame.loc[text.sort_values(list(text.columns)).index].reset_index(drop=True)
    return found


def champion(project: Project):
    return MlflowClient().get_model_version_by_alias("flight_delay", "champion")


def test_the_first_candidate_that_beats_the_baseline_becomes_champion(lived: Project) -> None:
    version = champion(lived)
    assert version.version in (1, "1")
    assert version.tags["podium.decision"] == "promoted"
    assert float(version.tags["podium.metric.auc"]) > float(version.tags["podium.metric.baseline_auc"])
    run = mlflow.get_run(version.run_id)
    assert run.data.tags["podium.digest"] == version.tags["podium.digest"]


def test_training_logs_trials_as_child_runs_and_its_inputs(lived: Project) -> None:
    run = mlflow.get_run(champion(lived).run_id)
    children = mlflow.search_runs(
        search_all_experiments=True, filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'", output_format="list"
    )
    assert {child.data.params["algorithm"] for child in children} == {"heuristic", "logistic_regression", "lightgbm"}
    inputs = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/inputs.json")
    table = DeltaTable(str(lived.lake / "features" / "weather"))
    assert 0 <= inputs["reads"]["flight_delay.features_weather"] <= table.version()
    assert inputs["as_of"].startswith(AS_OF)
    assert inputs["code"]["package"]
    assert run.data.params["flight_delay.training.algorithms.lightgbm.trials"] == "1"


def test_every_flight_since_is_scored_once_as_of_two_hours_before(lived: Project, small) -> None:
    log = lived.table("predictions/log")
    keys = ["carrier", "flight", "origin", "scheduled_departure"]
    assert not log.duplicated(keys).any()
    assert (log["prediction_time"] == log["scheduled_departure"] - pd.Timedelta(hours=2)).all()
    assert log["score"].between(0, 1).all()
    raw = small["flights"]
    planned = pd.to_datetime(raw["time_hour"]) + pd.to_timedelta(raw["minute"].astype(int), unit="min")
    asked = planned - pd.Timedelta(hours=2)
    due = (asked > pd.Timestamp(AS_OF, tz="UTC")) & (asked <= pd.Timestamp(LATER, tz="UTC"))
    assert len(log) == due.sum() > 1000


def test_scores_in_the_log_are_those_of_the_champion_on_the_logged_features(lived: Project) -> None:
    from podium.registry.versions import load_version

    log = lived.table("predictions/log").sample(200, random_state=1)
    model = load_version("flight_delay", "champion").model
    np.testing.assert_array_equal(model.score(log), log["score"].to_numpy())


def test_the_model_says_something_about_the_labels_in_the_raw_file(lived: Project, small) -> None:
    raw = small["flights"].copy()
    raw["scheduled_departure"] = pd.to_datetime(raw["time_hour"]) + pd.to_timedelta(raw["minute"].astype(int), unit="min")
    raw["flight"] = raw["flight"].astype(int)
    raw["late"] = ~(pd.to_numeric(raw["arr_delay"], errors="coerce") < 15)
    keys = ["carrier", "flight", "origin", "scheduled_departure"]
    both = lived.table("predictions/log").merge(raw[[*keys, "late"]], on=keys, validate="one_to_one")
    assert roc_auc_score(both["late"], both["score"]) > 0.6


def test_mlflow_serves_the_same_scores(lived: Project) -> None:
    log = lived.table("predictions/log").head(50)
    served = mlflow.pyfunc.load_model("models:/flight_delay@champion")
    columns = served.metadata.get_input_schema().input_names()
    np.testing.assert_allclose(np.ravel(served.predict(log[columns])), log["score"].to_numpy(), rtol=0, atol=1e-12)


def test_a_second_run_of_every_stage_changes_no_row(lived: Project) -> None:
    before = contents(lived)
    version = champion(lived)
    live(lived)
    after = contents(lived)
    assert before.keys() == after.keys()
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name], obj=name)
    versions = MlflowClient().search_model_versions("name = 'flight_delay'")
    assert len(versions) == 1, "the same model was registered twice"
    assert champion(lived).tags == version.tags


def test_training_again_gives_the_same_bytes(lived: Project) -> None:
    digest = champion(lived).tags["podium.digest"]
    lived.run("training", as_of=AS_OF, **QUICK)
    run = mlflow.search_runs(
        search_all_experiments=True, filter_string="tags.`podium.kind` = 'candidate'", output_format="list", max_results=1
    )[0]
    assert run.data.tags["podium.digest"] == digest


def test_a_changed_model_file_is_refused(lived: Project, tmp_path: Path) -> None:
    version = champion(lived)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/flight_delay/{version.version}"), "artifacts", "model")
    file = folder / "model.json"
    held = file.read_bytes()
    try:
        file.write_bytes(held.replace(b'"lightgbm"', b'"lightgbm" '))
        with pytest.raises(PodiumError, match="SHA-256"):
            lived.run("inference", as_of=LATER, **QUICK)
    finally:
        file.write_bytes(held)


def test_a_candidate_that_fails_a_check_stays_challenger(tmp_path, small, write_source, spark, monkeypatch) -> None:
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
    project = Project(tmp_path / "data", write_source(small, tmp_path / "source"))
    strict = QUICK | {"flight_delay__evaluation__thresholds__min_auc": 0.999}
    for stage in FIRST[1:]:
        project.run(stage, as_of=AS_OF, **strict)
    client = MlflowClient()
    assert client.get_registered_model("flight_delay").aliases.keys() == {"challenger"}
    refused = client.get_model_version_by_alias("flight_delay", "challenger")
    assert refused.tags["podium.decision"] == "refused"
    assert "auc: FAILED" in refused.tags["podium.checks"]
    with pytest.raises(PodiumError, match="no champion"):
        project.run("inference", as_of=LATER, **strict)


def test_a_baseline_that_is_not_beaten_refuses_the_first_deployment(lived: Project) -> None:
    from podium.pipelines.deployment.nodes import decide
    from podium.problems import PROBLEMS
    from podium.registry.candidate import newest_candidate
    from podium.registry.evidence import newest_evidence

    evidence = newest_evidence("flight_delay")
    failed = json.loads(json.dumps(evidence.evaluation))
    for check in failed["checks"]:
        check["passed"] = check["name"] != "gain_over_baseline"
    candidate = newest_candidate("flight_delay")
    from dataclasses import replace

    decision = decide(candidate, replace(evidence, evaluation=failed), None, problem=PROBLEMS["flight_delay"])
    assert not decision.promote


def test_evidence_of_another_candidate_decides_nothing(lived: Project) -> None:
    from dataclasses import replace

    from podium.pipelines.deployment.nodes import decide
    from podium.problems import PROBLEMS
    from podium.registry.candidate import newest_candidate
    from podium.registry.evidence import newest_evidence

    other = replace(newest_evidence("flight_delay"), digest="0" * 64)
    with pytest.raises(PodiumError, match="not evaluated"):
        decide(newest_candidate("flight_delay"), other, None, problem=PROBLEMS["flight_delay"])


def test_a_candidate_from_the_future_is_not_evaluated(lived: Project) -> None:
    with pytest.raises(PodiumError, match="after"):
        lived.run("evaluation", as_of="2013-02-20", **QUICK)
