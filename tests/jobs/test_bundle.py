"""The committed bundle is up to date with the jobs, and the models of databricks-bundles accept it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from databricks.bundles.jobs import Job

from podium.cli import main
from podium.cli.run import run
from podium.errors import PodiumError
from podium.jobs.bundle_files import HEADER, texts
from podium.jobs.checks import CheckedJobs, checked_jobs
from podium.jobs.databricks_bundle import bundle, job_resource
from podium.lakehouse.handle import handle
from podium.pipelines import STAGES
from tests.conftest import PROJECT

FOLDER = PROJECT / "databricks"
VARIABLE = re.compile(r"\$\{var\.(\w+)\}")


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "databricks.yml").read_text())


@pytest.fixture(scope="module")
def jobs(whole) -> dict[str, dict[str, Any]]:
    """The jobs in all files that the bundle includes."""
    (pattern,) = whole["include"]
    files = [yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob(pattern))]
    return {name: job for file in files for name, job in file["resources"]["jobs"].items()}


def run_bundle(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["jobs", "bundle", *arguments], env={"PODIUM_HOME": str(PROJECT)})


def checked(tmp_path: Path, **changes: Any) -> CheckedJobs:
    """The shipped jobs with some sections replaced."""
    conf = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    file = conf / "base" / "jobs.yml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes, sort_keys=False))
    return checked_jobs(conf)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from texts_in(part)
    elif isinstance(value, str):
        yield value


def options(task: dict[str, Any]) -> dict[str, Any]:
    """The options that ``podium run`` parses from a task's arguments."""
    first, *words = task["python_wheel_task"]["parameters"]
    assert first == "run"
    plain = ["" if word == "{{job.parameters.params}}" else word for word in words]
    return run.make_context("run", plain).params


def test_the_committed_bundle_is_up_to_date():
    """If this fails, run: podium jobs bundle."""
    answer = run_bundle("--check")
    assert answer.exit_code == 0, answer.output
    assert "is up to date" in answer.output


def test_the_generated_bundle_is_deterministic():
    assert texts(checked_jobs(PROJECT / "conf"), PROJECT) == texts(checked_jobs(PROJECT / "conf"), PROJECT)


def test_the_official_models_read_the_bundle_without_loss(jobs):
    assert jobs
    for job in jobs.values():
        assert Job.from_dict(job).as_dict() == {**job, "parameters": [{"name": "params", "default": ""}]}
    with pytest.raises(ValueError, match="Unexpected field"):
        Job.from_dict({**next(iter(jobs.values())), "retry": 1})


def test_each_job_lists_existing_pipelines_once(jobs):
    for job in jobs.values():
        names = [name for task in job["tasks"] for name in options(task)["pipelines"]]
        assert len(names) == len(set(names))
        assert set(names) <= set(STAGES)
    assert {name for job in jobs.values() for task in job["tasks"] for name in options(task)["pipelines"]} == set(
        STAGES
    )


def test_tasks_depend_on_tasks_of_their_job_in_order(jobs):
    for job in jobs.values():
        before: list[str] = []
        for task in job["tasks"]:
            assert [each["task_key"] for each in task.get("depends_on", [])] == before[-1:]
            before.append(task["task_key"])


def test_a_task_calls_the_entry_point_of_the_wheel(jobs):
    scripts = {
        entry.name: entry.load() for entry in distribution("podium").entry_points.select(group="console_scripts")
    }
    for task in (task for job in jobs.values() for task in job["tasks"]):
        assert task["python_wheel_task"]["package_name"] == "podium"
        assert scripts[task["python_wheel_task"]["entry_point"]] is main
        places = options(task)
        assert places["env"] == "${var.env}"
        assert (places["root"], places["mlflow"]) == ("uc://${var.catalog}", "${var.mlflow}")


def test_every_variable_is_declared_and_used_and_set_by_the_targets(whole, jobs):
    used = {name for text in texts_in([whole, jobs]) for name in VARIABLE.findall(text)}
    assert used <= whole["variables"].keys()
    assert whole["variables"].keys() <= used
    assert {target["variables"]["env"] for target in whole["targets"].values()} <= {"staging", "prod"}
    for name, target in whole["targets"].items():
        assert target["variables"].keys() <= whole["variables"].keys()
        open_ = {key for key, each in whole["variables"].items() if "default" not in each} - target["variables"].keys()
        assert open_ == ({"mlflow"} if name == "dev" else {"mlflow", "service_principal", "notify"})


def test_production_targets_run_as_a_service_principal_from_its_own_folder(whole):
    assert [name for name, target in whole["targets"].items() if target.get("default")] == ["dev"]
    assert whole["targets"]["dev"]["mode"] == "development"
    for name in ("staging", "prod"):
        target = whole["targets"][name]
        assert target["mode"] == "production"
        assert target["run_as"] == {"service_principal_name": "${var.service_principal}"}
        assert "/Users/${var.service_principal}/" in target["workspace"]["root_path"]
        assert {each["level"] for each in target["permissions"]} == {"CAN_MANAGE", "CAN_VIEW"}


def test_jobs_install_the_wheel_and_the_requirements_of_the_project(whole, jobs):
    assert (FOLDER / whole["artifacts"]["podium"]["path"]).resolve() == PROJECT
    for job in jobs.values():
        for environment in job["environments"]:
            versions, wheel = environment["spec"]["dependencies"]
            assert (FOLDER / "resources" / versions.removeprefix("-r ")).resolve() == FOLDER / "requirements.txt"
            assert (FOLDER / "resources" / wheel).resolve() == PROJECT / "dist" / "*.whl"


def test_clusters_and_triggers_and_parameters(tmp_path):
    computes = {
        "big": {"kind": "job_cluster", "spark_version": "17.3.x-scala2.13", "node_type": "${var.node}", "workers": 4},
        "there": {"kind": "existing", "cluster_id": "1234-567890-abcde123"},
        "none": {"kind": "serverless", "environment_version": "4"},
    }
    tasks = ["feature_engineering", {"pipelines": ["training"], "compute": "there", "retries": 0}]
    job = {
        "about": "x",
        "tasks": [*tasks, {"pipelines": ["evaluation"], "compute": "none", "depends_on": []}],
        "compute": "big",
        "trigger": {"tables": ["flight_delay.predictions"], "when": "all", "settled_for": "5 minutes"},
        "parameters": {"staging": {"flight_delay.training.seed": 7, "as_of": "2013-08-01"}},
        "notifications": {"on_success": ["ada@example.com"]},
    }
    databricks = yaml.safe_load((PROJECT / "conf/base/jobs.yml").read_text())["databricks"]
    databricks["variables"]["node"] = {"about": "x", "default": "m5.xlarge"}
    found = checked(tmp_path, compute=computes, jobs={"mine": job}, databricks=databricks)
    resource = job_resource(found, "mine")
    first, second, third = resource["tasks"]
    (cluster,) = resource["job_clusters"]
    assert (cluster["job_cluster_key"], cluster["new_cluster"]["num_workers"]) == ("big", 4)
    libraries = [{"requirements": "../requirements.txt"}, {"whl": "../../dist/*.whl"}]
    assert (first["job_cluster_key"], first["libraries"], second["libraries"]) == ("big", libraries, libraries)
    assert (second["existing_cluster_id"], "max_retries" in second) == ("1234-567890-abcde123", False)
    assert (third["environment_key"], "depends_on" in third) == ("none", False)
    watched = resource["trigger"]["table_update"]
    assert watched["table_names"] == ["${var.catalog}.flight_delay.predictions_log"]
    assert handle("uc://c/flight_delay/predictions/log").sql == "`c`.`flight_delay`.`predictions_log`"
    assert (watched["condition"], watched["wait_after_last_change_seconds"]) == ("ALL_UPDATED", 300)
    assert resource["email_notifications"] == {"on_success": ["ada@example.com"]}
    (params,) = resource["parameters"]
    assert params["default"] == "${var.mine_parameters}"
    whole = bundle(found)
    given = {name: target["variables"].get("mine_parameters") for name, target in whole["targets"].items()}
    text = "flight_delay.training.seed=7,as_of=2013-08-01"
    assert given == {"dev": text, "staging": text, "prod": None}
    assert whole["variables"]["mine_parameters"]["default"] == ""


def test_a_stale_bundle_is_shown_as_a_diff_and_regenerated(tmp_path):
    assert run_bundle("--output", str(tmp_path), "--dry-run").output.count("would be added") == 6
    assert not list(tmp_path.iterdir())
    assert run_bundle("--output", str(tmp_path)).exit_code == 0
    job = tmp_path / "resources" / "score.job.yml"
    fresh = job.read_text()
    job.write_text(fresh.replace("0 15 * * * ?", "0 45 * * * ?"))
    (tmp_path / "resources" / "former.job.yml").write_text(f"{HEADER}resources: {{}}\n")
    stale = run_bundle("--output", str(tmp_path), "--check")
    assert stale.exit_code == 1
    assert (
        "-        quartz_cron_expression: 0 45 * * * ?\n+        quartz_cron_expression: 0 15 * * * ?" in stale.stdout
    )
    assert "Run: podium jobs bundle" in stale.stderr
    told = run_bundle("--output", str(tmp_path)).output
    assert f"replaced: {job}" in told
    assert "removed: " in told
    assert job.read_text() == fresh
    assert not (tmp_path / "resources" / "former.job.yml").exists()


def test_files_of_the_user_are_left_alone(tmp_path):
    mine = tmp_path / "resources" / "mine.yml"
    mine.parent.mkdir()
    mine.write_text("resources: {}\n")
    (tmp_path / "databricks.yml").write_text("bundle: {name: other}\n")
    answer = run_bundle("--output", str(tmp_path))
    assert answer.exit_code == 1
    assert "did not write: databricks.yml in " in answer.stderr
    assert "Nothing was written" in answer.stderr
    assert {path.name for path in tmp_path.rglob("*.yml")} == {"mine.yml", "databricks.yml"}
    (tmp_path / "databricks.yml").unlink()
    assert run_bundle("--output", str(tmp_path)).exit_code == 0
    assert mine.read_text() == "resources: {}\n"


def test_without_databricks_bundles_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "databricks.bundles.jobs", None)
    with pytest.raises(PodiumError, match="pip install databricks-bundles"):
        job_resource(checked_jobs(PROJECT / "conf"), "score")
    assert run_bundle("--output", str(tmp_path)).exit_code == 1
    assert not list(tmp_path.iterdir())
