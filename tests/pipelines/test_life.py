"""A model's life cycle on a sampled year: every stage runs, is idempotent, and uses no future data."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake
from mlflow import MlflowClient
from sklearn.metrics import roc_auc_score

from podium.errors import PodiumError
from podium.problems.flight_delay import PROBLEM
from tests.conftest import Project
from tests.pipelines.life import AS_OF, LATER, QUICK, contents, live


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
        search_all_experiments=True,
        filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
        output_format="list",
    )
    assert {child.data.params["algorithm"] for child in children} == {"heuristic", "logistic_regression", "lightgbm"}
    inputs = {given.dataset.name: given.dataset for given in run.inputs.dataset_inputs}
    table = DeltaTable(str(lived.lake / "features" / "weather"))
    version, _, table_id = inputs["flights.features_weather"].digest.partition("@")
    assert 0 <= int(version) <= table.version()
    assert table_id
    assert table.metadata().id.startswith(table_id)
    assert run.data.tags["podium.as_of"].startswith(AS_OF)
    assert run.data.tags["podium.package"]
    assert run.data.params["flight_delay.training.algorithms.lightgbm.trials"] == "1"


def test_only_parameters_are_logged_as_parameters(lived: Project) -> None:
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    logged = {tuple(name.split(".")[:2]) for run in runs for name in run.data.params if "." in name}
    assert logged == {
        *(("flights", name) for name in ("knowable", "ingestion", "features")),
        *(("flight_delay", name) for name in ("training", "evaluation", "inference", "monitoring")),
    }


def test_every_later_flight_is_scored_once_two_hours_before_departure(lived: Project, small) -> None:
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


def test_the_scores_predict_the_labels_in_the_raw_file(lived: Project, small) -> None:
    raw = small["flights"].copy()
    raw["scheduled_departure"] = pd.to_datetime(raw["time_hour"]) + pd.to_timedelta(
        raw["minute"].astype(int), unit="min"
    )
    raw["flight"] = raw["flight"].astype(int)
    raw["late"] = ~(pd.to_numeric(raw["arr_delay"], errors="coerce") < 15)
    keys = ["carrier", "flight", "origin", "scheduled_departure"]
    both = lived.table("predictions/log").merge(raw[[*keys, "late"]], on=keys, validate="one_to_one")
    assert roc_auc_score(both["late"], both["score"]) > 0.6


def test_mlflow_serves_the_same_scores(lived: Project) -> None:
    log = lived.table("predictions/log").head(50)
    served = mlflow.pyfunc.load_model("models:/flight_delay@champion")
    schema = served.metadata.get_input_schema()
    numbers = [column.name for column in schema.inputs if column.type.name == "double"]
    rows = log[schema.input_names()].astype(dict.fromkeys(numbers, "float64"))
    np.testing.assert_allclose(np.ravel(served.predict(rows)), log["score"].to_numpy(), rtol=0, atol=1e-12)


def test_a_second_run_of_every_stage_changes_no_row(lived: Project) -> None:
    before = contents(lived)
    version = champion(lived)
    live(lived)
    after = contents(lived)
    assert before.keys() == after.keys()
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name], obj=name)
    versions = MlflowClient().search_model_versions("name = 'flight_delay'")
    assert len(versions) == 1, "the same model must not be registered twice"
    assert champion(lived).tags == version.tags


def test_a_deployment_killed_between_the_aliases_is_repaired_by_the_next(lived: Project) -> None:
    client = MlflowClient()
    client.set_registered_model_alias("flight_delay", "challenger", champion(lived).version)
    lived.run("deployment", **QUICK)
    assert client.get_registered_model("flight_delay").aliases.keys() == {"champion"}


def test_a_prediction_log_without_a_feature_of_the_champion_gains_its_column(lived: Project) -> None:
    """The champion may have a feature that earlier ones lacked, and no request to score yet."""
    path = str(lived.answers / "predictions" / "log")
    before = DeltaTable(path)
    rows = before.to_pyarrow_table().drop(["load_3h"])
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")

    lived.run("inference", as_of=LATER, **QUICK)

    found = DeltaTable(path).to_pyarrow_table()
    DeltaTable(path).restore(before.version())
    assert found["load_3h"].null_count == len(found) == len(rows)
    keys = [(key, "ascending") for key in PROBLEM.keys]
    assert found.select(rows.column_names).sort_by(keys).equals(rows.sort_by(keys))


def test_training_again_gives_the_same_bytes(lived: Project) -> None:
    digest = champion(lived).tags["podium.digest"]
    lived.run("training", as_of=AS_OF, **QUICK)
    run = mlflow.search_runs(
        search_all_experiments=True,
        filter_string="tags.`podium.kind` = 'candidate'",
        output_format="list",
        max_results=1,
    )[0]
    assert run.data.tags["podium.digest"] == digest


def test_a_changed_model_file_is_refused(lived: Project, tmp_path: Path) -> None:
    version = champion(lived)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/flight_delay/{version.version}"), "artifacts", "model")
    file = folder / "model.json"
    held = file.read_bytes()
    try:
        file.write_bytes(held + b" ")
        with pytest.raises(PodiumError, match="SHA-256"):
            lived.run("inference", as_of=LATER, **QUICK)
    finally:
        file.write_bytes(held)


def test_a_candidate_that_fails_a_check_stays_challenger(lived: Project, new_project, monkeypatch) -> None:
    project = new_project(lived.source)
    monkeypatch.setenv("PODIUM_DATA", str(project.data))
    for zone in ("bronze", "quarantine", "features"):
        shutil.copytree(lived.lake / zone, project.lake / zone)
    strict = QUICK | {"flight_delay__evaluation__thresholds__min_auc": 0.999}
    for stage in ("training", "evaluation", "deployment"):
        project.run(stage, as_of=AS_OF, **strict)
    client = MlflowClient()
    assert client.get_registered_model("flight_delay").aliases.keys() == {"challenger"}
    refused = client.get_model_version_by_alias("flight_delay", "challenger")
    assert refused.tags["podium.decision"] == "refused"
    assert "auc: FAILED" in refused.tags["podium.checks"]
    with pytest.raises(PodiumError, match="no champion"):
        project.run("inference", as_of=LATER, **strict)


def test_a_first_candidate_that_does_not_beat_the_baseline_is_not_promoted(lived: Project) -> None:
    from podium.pipelines.deployment.nodes import decide
    from podium.registry.candidate import newest_candidate
    from podium.registry.evidence import newest_evidence

    evidence = newest_evidence("flight_delay")
    failed = json.loads(json.dumps(evidence.evaluation))
    for check in failed["checks"]:
        check["passed"] = check["name"] != "gain_over_baseline"
    candidate = newest_candidate("flight_delay")
    from dataclasses import replace

    decision = decide(candidate, replace(evidence, evaluation=failed), None, problem=PROBLEM)
    assert not decision.promote


def test_evidence_of_another_candidate_is_refused(lived: Project) -> None:
    from dataclasses import replace

    from podium.pipelines.deployment.nodes import decide
    from podium.registry.candidate import newest_candidate
    from podium.registry.evidence import newest_evidence

    other = replace(newest_evidence("flight_delay"), digest="0" * 64)
    with pytest.raises(PodiumError, match="not evaluated"):
        decide(newest_candidate("flight_delay"), other, None, problem=PROBLEM)


@pytest.mark.parametrize("stage", ["training", "inference"])
def test_features_that_end_before_the_moment_of_the_run_are_refused(lived: Project, stage: str) -> None:
    written = [DeltaTable(str(lived.answers / name)) for name in ("training_sets/examples", "predictions/log")]
    before = [table.version() for table in written]
    with pytest.raises(
        PodiumError, match=r"end before as_of \(.*\): origin_departures \(2013-04-20 00:00\)"
    ) as refused:
        lived.run(stage, as_of="2013-04-24", **QUICK)
    command = "kedro run --env dev --pipelines feature_engineering --params as_of=2013-04-24T00:00:00"
    assert str(refused.value).endswith(command)
    assert [DeltaTable(table.table_uri).version() for table in written] == before


def test_a_candidate_from_the_future_is_not_evaluated(lived: Project) -> None:
    with pytest.raises(PodiumError, match="after"):
        lived.run("evaluation", as_of="2013-02-20", **QUICK)


@pytest.fixture(scope="module")
def other_future(tmp_path_factory, small, write_source, lived):
    """The same life cycle on sources that differ in everything that became known after the cut."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("future")
        patch.setenv("PODIUM_DATA", str(folder / "data"))
        project = Project(folder / "data", write_source(with_another_future(small, CUT), folder / "source"))
        live(project)
        yield project


CUT = pd.Timestamp("2013-04-08 00:00", tz="UTC")


def with_another_future(files: dict[str, pd.DataFrame], cut: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Change every departure, arrival, cancellation and observation known after ``cut``, but not the timetable."""
    flights, weather = files["flights"].copy(), files["weather"].copy()
    planned = pd.to_datetime(flights["time_hour"]) + pd.to_timedelta(flights["minute"].astype(int), unit="min")
    delay = pd.to_numeric(flights["dep_delay"], errors="coerce")
    gone = planned + pd.to_timedelta(delay.fillna(6 * 60), unit="min")
    # Cancel the flights that had not left by the cut. Flights that had left keep their departure, but arrive at another
    # time if their arrival was not known by the cut.
    actual = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"]
    flights.loc[gone > cut, actual] = "NA"
    landed = gone + pd.Timedelta(hours=24)
    flying = (gone <= cut) & (landed > cut) & (pd.to_numeric(flights["arr_delay"], errors="coerce") > 15)
    arrived = planned + pd.to_timedelta(pd.to_numeric(flights["arr_delay"], errors="coerce"), unit="min")
    flights.loc[flying & (arrived > cut), ["arr_time", "arr_delay", "air_time"]] = "NA"
    seen = pd.to_datetime(weather["time_hour"]) + pd.Timedelta(hours=1)
    weather.loc[seen > cut, "wind_speed"] = "99"
    weather.loc[seen > cut, "temp"] = "1"
    return files | {"flights": flights, "weather": weather}


def test_another_future_does_not_change_the_past(lived: Project, other_future: Project) -> None:
    one, other = contents(lived), contents(other_future)
    compared = 0
    for name in one:
        zone, table = name.split("/")[1:]
        time = "feature_time" if zone == "features" else "prediction_time"
        if table in {"refreshes", "marks"} or zone not in {"features", "predictions", "training_sets"}:
            continue
        before, after = (frame[frame[time] <= CUT].reset_index(drop=True) for frame in (one[name], other[name]))
        pd.testing.assert_frame_equal(before, after, obj=name)
        compared += len(before)
    assert compared > 50_000
    assert champion_digest(lived) == champion_digest(other_future)


def test_another_future_changes_the_scores_after_the_cut(lived: Project, other_future: Project) -> None:
    """Shows that the test above can fail, because the two life cycles differ after the cut."""
    one, other = (project.table("predictions/log") for project in (lived, other_future))
    late = [frame[frame["prediction_time"] > CUT].sort_values("scheduled_departure")["score"] for frame in (one, other)]
    assert len(late[0]) == len(late[1])
    assert not np.allclose(late[0].mean(), late[1].mean(), rtol=0, atol=1e-3)


def champion_digest(project: Project) -> str:
    client = MlflowClient(tracking_uri=f"sqlite:///{project.data}/dev/mlflow.db")
    return client.get_model_version_by_alias("flight_delay", "champion").tags["podium.digest"]
