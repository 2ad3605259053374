"""Promotion by copy: the copied files and tags, refusals, kills, and how the target's pipelines treat the copy."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from podium import models
from podium.errors import PodiumError
from podium.registry.candidate import newest_candidate
from podium.registry.evidence import newest_evidence
from podium.registry.overview import Registry
from podium.registry.promotion import plan_promotion, promote
from podium.registry.versions import load_version
from tests.conftest import PROJECT
from tests.models.conftest import FEATURES, flights
from tests.registry.homes import NAME, Home


def copy_version(source: Home, target: Home, version: str | None = None) -> str:
    return promote(plan_promotion(NAME, source.place, target.place, version), lambda step: None)


def files(home: Home, version: str) -> dict[str, bytes]:
    """The artifacts of a version's run, read from the disk, by relative path."""
    run = home.client.get_run(home.client.get_model_version(NAME, version).run_id)
    folder = Path(run.info.artifact_uri)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def model_folder(home: Home, version: str) -> Path:
    return Path(home.client.get_model_version(NAME, version).source, "artifacts", "model")


def test_a_promotion_copies_model_evidence_and_lineage(staging: Home, prod: Home):
    number = copy_version(staging, prod)
    here, there = (home.client.get_model_version(NAME, "1") for home in (staging, prod))
    assert (number, prod.aliases) == ("1", {"challenger": "1"})
    digest = models.digest(model_folder(prod, "1"))
    assert digest == models.digest(model_folder(staging, "1")) == here.tags["podium.digest"]
    assert there.tags["podium.digest"] == digest
    assert there.tags["podium.promoted_from"] == "staging/1"
    assert (there.tags["podium.decision"], there.tags["podium.source_decision"]) == ("undecided", "promoted")
    assert there.tags["podium.metric.auc"] == "0.75"
    assert "podium.metric.auc_low" not in there.tags
    assert there.tags["podium.checks"] == "auc: passed"

    training = staging.client.get_run(here.run_id)
    evaluation = staging.client.get_run(there.tags["podium.source_evaluation_run"])
    assert there.tags["podium.source_training_run"] == training.info.run_id
    run = prod.client.get_run(there.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == training.data.params
    assert run.data.metrics == evaluation.data.metrics
    found = files(prod, "1")
    lineage = json.loads(found.pop("lineage.json"))
    assert lineage["promoted_from"] == "staging/1"
    assert lineage["training"]["events"] == [{"read": "t@1"}]
    assert lineage["evaluation"]["events"] == [{"read": "t@2"}]
    sent = files(staging, "1")
    for path in Path(evaluation.info.artifact_uri).rglob("*.*"):
        sent[str(path.relative_to(evaluation.info.artifact_uri))] = path.read_bytes()
    assert {"evaluation.json", "model_card.html", "pictures/roc.png", "training.json"} <= found.keys()
    assert [name for name in found if name.startswith("baseline/")]
    assert {name: sent[name] for name in found} == found


def test_the_copy_works_after_its_source_is_deleted(new_home, prod: Home):
    source = new_home("staging")
    source.live(seed=5)
    source.enter()
    rows = flights(50, seed=9)
    expected = load_version(NAME, "champion").model.score(rows)
    copy_version(source, prod)
    shutil.rmtree(source.folder)
    assert str(source.folder) not in Path(prod.client.get_model_version(NAME, "1").source, "MLmodel").read_text()
    prod.enter()
    assert (load_version(NAME, "challenger").model.score(rows) == expected).all()
    served = mlflow.pyfunc.load_model(f"models:/{NAME}@challenger")
    assert served.metadata.run_id == prod.client.get_model_version(NAME, "1").run_id
    asked = rows[FEATURES].astype({name: "float64" for name in FEATURES if name not in ("carrier", "dest")})
    assert (served.predict(asked) == expected).all()


def test_the_copy_replaces_the_challenger_of_the_target_and_not_its_champion(staging: Home, prod: Home):
    prod.live(seed=11)
    prod.live(seed=12, passed=False)
    before = prod.client.get_model_version(NAME, "1")
    assert prod.aliases == {"champion": "1", "challenger": "2"}
    assert copy_version(staging, prod) == "3"
    assert prod.aliases == {"champion": "1", "challenger": "3"}
    assert prod.client.get_model_version(NAME, "1").tags == before.tags


def test_promoting_the_same_version_again_is_a_no_op(staging: Home, prod: Home):
    copy_version(staging, prod)
    plan = plan_promotion(NAME, staging.place, prod.place)
    assert (plan.present, plan.alias) == ("1", "challenger")
    runs = len(files(prod, "1"))
    assert copy_version(staging, prod) == "1"
    assert (prod.versions, prod.aliases, len(files(prod, "1"))) == (["1"], {"challenger": "1"}, runs)
    prod.client.delete_registered_model_alias(NAME, "challenger")
    assert copy_version(staging, prod) == "1"
    assert prod.aliases == {"challenger": "1"}


def test_a_champion_does_not_become_its_own_challenger(staging: Home, prod: Home):
    prod.live(seed=1)
    assert copy_version(staging, prod) == "1"
    assert prod.aliases == {"champion": "1"}


def test_a_refused_version_keeps_its_refusal_in_the_target(staging: Home, prod: Home):
    copy_version(staging, prod, "2")
    tags = prod.client.get_model_version(NAME, "1").tags
    assert (tags["podium.promoted_from"], tags["podium.source_decision"]) == ("staging/2", "refused")
    assert tags["podium.checks"] == "auc: FAILED"


def test_a_promoted_version_can_be_promoted_again(staging: Home, prod: Home, new_home):
    copy_version(staging, prod)
    third = new_home("third")
    copy_version(prod, third, "1")
    assert models.digest(model_folder(third, "1")) == models.digest(model_folder(staging, "1"))
    lineage = json.loads(files(third, "1")["lineage.json"])
    assert lineage["promoted_from"] == "prod/1"
    assert lineage["training"]["promoted_from"] == "staging/1"


def test_a_single_run_counts_as_training_and_evaluation(new_home, prod: Home):
    home = new_home("staging")
    home.live_in_one_run()
    copy_version(home, prod)
    tags = prod.client.get_model_version(NAME, "1").tags
    assert tags["podium.source_training_run"] == tags["podium.source_evaluation_run"]
    assert {"training.json", "evaluation.json", "model_card.html"} <= files(prod, "1").keys()


def test_the_pipelines_of_the_target_ignore_the_copy(staging: Home, prod: Home):
    copy_version(staging, prod)
    prod.enter()
    with pytest.raises(PodiumError, match="there is no candidate"):
        newest_candidate(NAME)
    with pytest.raises(PodiumError, match="no candidate has been evaluated"):
        newest_evidence(NAME)
    own = prod.train(seed=21)
    evidence = prod.evaluate(own, auc=0.9)
    copy_version(staging, prod, "2")
    assert newest_candidate(NAME).digest == own.digest
    assert newest_evidence(NAME).digest == own.digest
    assert prod.deploy(own, evidence) == "3"
    assert prod.aliases["champion"] == "3"
    assert prod.client.get_model_version(NAME, "1").tags["podium.decision"] == "undecided"


def test_the_gate_of_the_target_can_promote_the_same_model(staging: Home, prod: Home):
    """If prod later trains the same model, bit by bit, prod's own evidence decides whether the version is champion."""
    copy_version(staging, prod)
    own = prod.train(seed=1)
    assert prod.deploy(own, prod.evaluate(own, auc=0.8)) == "1"
    tags = prod.client.get_model_version(NAME, "1").tags
    assert (tags["podium.decision"], tags["podium.metric.auc"]) == ("promoted", "0.8")
    assert prod.aliases == {"champion": "1"}


@pytest.fixture
def own_staging(new_home) -> Home:
    """A separate staging environment that a test may damage."""
    home = new_home("staging")
    home.live(seed=3)
    return home


def test_changed_bytes_at_the_source_are_refused(own_staging: Home, prod: Home):
    file = model_folder(own_staging, "1") / "model.json"
    file.write_text(file.read_text().replace("lightgbm", "lightgbn"))
    with pytest.raises(PodiumError, match=r"flight_delay version 1 of staging have changed since they were logged"):
        copy_version(own_staging, prod)
    assert prod.versions == []


def test_bytes_that_change_after_the_plan_are_refused(own_staging: Home, prod: Home):
    plan = plan_promotion(NAME, own_staging.place, prod.place)
    (model_folder(own_staging, "1") / "more.txt").write_text("more")
    with pytest.raises(PodiumError, match="have changed since they were logged"):
        promote(plan, lambda step: None)
    assert (prod.versions, prod.aliases) == ([], {})


def test_bytes_that_change_in_transit_are_not_registered(own_staging: Home, prod: Home):
    def tamper(step: str) -> None:
        if step.startswith("Reading it back"):
            (file,) = prod.folder.rglob("evaluation.json")
            file.write_text(file.read_text().replace("true", "false"))

    with pytest.raises(PodiumError, match=r"in prod differs from the original\. Nothing was registered"):
        promote(plan_promotion(NAME, own_staging.place, prod.place), tamper)
    assert prod.versions == []
    (run,) = prod.client.search_runs([prod.client.get_experiment_by_name("podium").experiment_id])
    assert run.info.status == "FAILED"
    assert copy_version(own_staging, prod) == "1"


def test_changed_bytes_at_the_target_are_refused(own_staging: Home, prod: Home):
    copy_version(own_staging, prod)
    (model_folder(prod, "1") / "model.json").write_text("{}")
    with pytest.raises(PodiumError, match="flight_delay version 1 of prod have changed"):
        copy_version(own_staging, prod)


def test_without_evidence_there_is_no_promotion(own_staging: Home, prod: Home):
    for run in own_staging.client.search_runs(["1"], "tags.`podium.kind` = 'evidence'"):
        own_staging.client.delete_run(run.info.run_id)
    absent = r"evaluation\.json, model_card\.html, pictures"
    with pytest.raises(PodiumError, match=rf"its evaluation \(\w+\) lacks the artifacts {absent}\."):
        copy_version(own_staging, prod)


def test_evidence_about_other_bytes_does_not_count(own_staging: Home, prod: Home):
    other = own_staging.train(seed=4)
    own_staging.evaluate(other, auc=0.99)
    copy_version(own_staging, prod, "1")
    assert prod.client.get_model_version(NAME, "1").tags["podium.metric.auc"] == "0.75"


def test_errors_name_the_missing_model_version_or_environment(staging: Home, prod: Home, tmp_path: Path):
    def plan(name=NAME, source=staging.place, target=prod.place, version=None):
        return plan_promotion(name, source, target, version)

    with pytest.raises(PodiumError, match=r"no model 'flight_dela' \(did you mean 'flight_delay'"):
        plan(name="flight_dela")
    with pytest.raises(PodiumError, match=r"no version 7 .* versions: 1, 2"):
        plan(version="7")
    with pytest.raises(PodiumError, match="both are staging"):
        plan(target=staging.place)
    with pytest.raises(PodiumError, match="the same MLflow"):
        plan(target=Home(staging.folder, "prod").place)
    with pytest.raises(PodiumError, match="prod has no model"):
        plan(source=prod.place, target=staging.place)
    with pytest.raises(PodiumError, match="nowhere has no models yet"):
        plan(source=Home(tmp_path, "nowhere").place)
    assert not list(tmp_path.iterdir())


def test_without_a_champion_the_version_must_be_given(new_home, prod: Home):
    home = new_home("staging")
    home.live(seed=6, passed=False)
    with pytest.raises(PodiumError, match=r"no champion in staging. Choose a version with --version"):
        plan_promotion(NAME, home.place, prod.place)


def test_a_plan_creates_no_files(staging: Home, tmp_path: Path):
    plan = plan_promotion(NAME, staging.place, Home(tmp_path / "prod", "prod").place)
    assert (plan.present, plan.aliases) == (None, {})
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from mlflow import MlflowClient
from podium.registry.promotion import plan_promotion, promote
from tests.registry.homes import NAME, Home
from pathlib import Path

source, target, where = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if hasattr(MlflowClient, where):
    setattr(MlflowClient, where, die)
plan = plan_promotion(NAME, Home(Path(source), "staging").place, Home(Path(target), "prod").place)
promote(plan, lambda step: die() if step.startswith(where) else None)
"""


@pytest.mark.parametrize("where", ["finalize_logged_model", "Reading it back", "set_registered_model_alias"])
def test_a_killed_promotion_sets_no_alias_and_the_next_one_completes_it(staging: Home, prod: Home, where: str):
    command = [sys.executable, "-c", KILLED, str(staging.folder), str(prod.folder), where]
    killed = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert prod.aliases == {}
    assert len(prod.versions) == (1 if where == "set_registered_model_alias" else 0)
    assert copy_version(staging, prod) == "1"
    assert (prod.versions, prod.aliases) == (["1"], {"challenger": "1"})
    assert models.digest(model_folder(prod, "1")) == models.digest(model_folder(staging, "1"))


def test_the_overview_shows_the_promoted_challenger(staging: Home, prod: Home):
    copy_version(staging, prod)
    registry = Registry(prod.place.uri)
    challenger = registry.version(NAME, "challenger")
    assert (challenger.decision, challenger.metrics["auc"], challenger.baseline["auc"]) == ("undecided", 0.75, 0.6)
    (listed,) = registry.versions()
    assert (listed.aliases, listed.promoted_from, listed.source_decision) == (("challenger",), "staging/1", "promoted")
    assert registry.versions("other") == []
