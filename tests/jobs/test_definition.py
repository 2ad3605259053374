"""The shipped jobs are valid. A mistake is refused before anything runs, with its file, key and the nearest name."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from podium.errors import PodiumError
from podium.jobs.checks import checked_jobs
from podium.pipelines import STAGES
from tests.conftest import PROJECT

SHIPPED: dict[str, Any] = yaml.safe_load((PROJECT / "conf/base/jobs.yml").read_text())


@pytest.fixture(scope="module")
def conf(tmp_path_factory) -> Path:
    """A copy of the configuration."""
    return shutil.copytree(PROJECT / "conf", tmp_path_factory.mktemp("jobs") / "conf")


def changed(conf: Path, changes: dict[str, Any]) -> Path:
    """Write the shipped jobs with other values at the given paths, and return the file."""
    jobs = copy.deepcopy(SHIPPED)
    for path, value in changes.items():
        *steps, last = path.split(".")
        place = jobs
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    file = conf / "base" / "jobs.yml"
    file.write_text(yaml.safe_dump(jobs))
    return file


def refusal(conf: Path, changes: dict[str, Any]) -> str:
    """The error message for the shipped jobs after replacing the values at the given paths."""
    file = changed(conf, changes)
    with pytest.raises(PodiumError) as refused:
        checked_jobs(conf)
    assert refused.value.message.startswith(f"{file} ")
    return refused.value.message


def test_every_pipeline_is_in_a_job_and_no_job_has_one_twice():
    found = checked_jobs(PROJECT / "conf")
    lists = [[name for step in found.steps(job) for name in step.task.pipelines] for job in found.jobs.jobs]
    assert {name for names in lists for name in names} == set(STAGES)
    assert all(len(names) == len(set(names)) for names in lists)


def test_tasks_are_in_the_order_of_the_model_life_cycle():
    found = checked_jobs(PROJECT / "conf")
    order = [step.name for step in found.steps("retrain")]
    assert order == ["feature_engineering", "training", "evaluation", "deployment"]
    assert [step.depends_on for step in found.steps("retrain")] == [(), *((name,) for name in order[:-1])]


def test_a_task_overrides_its_job_which_overrides_the_defaults(conf):
    file = conf / "base" / "jobs.yml"
    job = {
        "about": "x",
        "retries": 2,
        "tasks": ["eda", {"pipelines": ["training"], "retries": 0, "timeout": "5 minutes"}],
    }
    file.write_text(yaml.safe_dump({**SHIPPED, "jobs": {"mine": job}}))
    first, second = checked_jobs(conf).steps("mine")
    assert (first.retries, first.timeout.total_seconds()) == (2, 7200)
    assert (second.retries, second.timeout.total_seconds()) == (0, 300)
    assert second.name == "training"


def test_tasks_come_after_those_they_depend_on(conf):
    tasks = [
        {"pipelines": ["training"], "depends_on": ["feature_engineering"]},
        {"pipelines": ["eda"], "depends_on": []},
        {"pipelines": ["feature_engineering"], "depends_on": ["eda"]},
    ]
    (conf / "base" / "jobs.yml").write_text(
        yaml.safe_dump({**SHIPPED, "jobs": {"mine": {"about": "x", "tasks": tasks}}})
    )
    assert [step.name for step in checked_jobs(conf).steps("mine")] == ["eda", "feature_engineering", "training"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "jobs.retrain.tasks",
            ["trainig"],
            "jobs.retrain.tasks.trainig: There is no pipeline 'trainig' (did you mean 'training'?)",
        ),
        (
            "jobs.score.tasks",
            [{"pipelines": ["inference"], "tags": ["x"]}],
            "jobs.score.tasks.inference: There is no tag 'x'",
        ),
        (
            "jobs.score.tasks",
            [{"pipelines": ["inference"], "namespaces": ["inferense"]}],
            "There is no namespace 'inferense' (did you mean 'inference'?)",
        ),
        (
            "jobs.score.tasks",
            [{"pipelines": ["inference"], "nodes": ["inference.flight_delay.scor"]}],
            "(did you mean 'inference.flight_delay.score'?)",
        ),
        ("jobs.retrain.taks", [], "jobs.retrain.taks: there is no such key (did you mean 'tasks'?)"),
        (
            "jobs.retrain.schedule.timezone",
            "UTC",
            "jobs.retrain.schedule.timezone: there is no such key (did you mean 'time_zone'?)",
        ),
        (
            "jobs.retrain.schedule.cron",
            "0 4 * * MOM",
            "jobs.retrain.schedule.cron: day of week 'MOM': unknown name 'MOM' (did you mean 'MON'?)",
        ),
        (
            "jobs.retrain.schedule.time_zone",
            "Europe/Pariss",
            "jobs.retrain.schedule.time_zone: there is no time zone 'Europe/Pariss' (did you mean 'Europe/Paris'?)",
        ),
        (
            "jobs.retrain.compute",
            "serverles",
            "jobs.retrain.tasks.training.compute: there is no compute 'serverles' (did you mean 'serverless'?)",
        ),
        (
            "compute.serverless.kind",
            "serverles",
            "compute.serverless.kind: there is no 'serverles' (did you mean 'serverless'?)",
        ),
        (
            "compute.big",
            {"kind": "job_cluster", "spark_version": "17.3", "nodetype": "x", "workers": 1},
            "compute.big.job_cluster.nodetype: there is no such key (did you mean 'node_type'?)",
        ),
        ("jobs.retrain.timeout", "2 horus", "jobs.retrain.timeout: '2 horus' is not a time span"),
        ("jobs.retrain.retries", -1, "jobs.retrain.retries: Input should be greater than or equal to 0 (got -1)"),
        ("jobs.retrain.tasks", [], "jobs.retrain.tasks: "),
        ("jobs.retrain.tasks", ["training", "training"], "two tasks have the name training"),
        (
            "jobs.retrain.tasks",
            ["training", {"name": "again", "pipelines": ["training"]}],
            "jobs.retrain.tasks: training and again would both run the pipeline training",
        ),
        (
            "jobs.retrain.tasks",
            ["training", {"pipelines": ["evaluation"], "depends_on": ["trainig"]}],
            "depends_on: there is no task 'trainig' in this job (did you mean 'training'?)",
        ),
        (
            "jobs.retrain.tasks",
            [{"pipelines": ["training"], "depends_on": ["training"]}],
            "jobs.retrain.tasks: cycle in depends_on: training",
        ),
        ("jobs.retrain.trigger", {"tables": ["flight_delay.predictions"]}, "a schedule or a trigger, not both"),
        (
            "jobs.retrain.parameters",
            {"prd": {"as_of": "2013-08-01"}},
            "jobs.retrain.parameters.prd: there is no environment 'prd' (did you mean 'prod'?)",
        ),
        (
            "jobs.retrain.parameters",
            {"prod": {"flight_delay.training.sed": 3}},
            "parameters.prod: flight_delay.training.sed: there is no such parameter (did you mean 'seed'?)",
        ),
        (
            "jobs.retrain.parameters",
            {"prod": {"flights.source": "a,b"}},
            "flights.source: --params cannot pass this value unchanged",
        ),
        (
            "databricks.targets.prod.env",
            "prd",
            "databricks.targets.prod.env: there is no environment 'prd' (did you mean 'prod'?)",
        ),
        (
            "databricks.targets.prod.mode",
            "prduction",
            "databricks.targets.prod.mode: 'prduction' (did you mean 'production'?)",
        ),
        ("databricks.targets.prod.run_as", None, "production needs run_as"),
        (
            "databricks.targets.prod.variables",
            {"catlog": "x"},
            "databricks.targets.prod.variables: there is no variable 'catlog' (did you mean 'catalog'?)",
        ),
        (
            "databricks.root",
            "uc://${var.catlog}",
            "databricks.root: there is no variable 'catlog' (did you mean 'catalog'?)",
        ),
        ("databricks.targets.staging.default", True, "databricks.targets: more than one has default: true"),
        (
            "databricks.targets.prod.permissions",
            [{"level": "CAN_VIEW"}],
            "needs exactly one of group, user and service_principal",
        ),
    ],
)
def test_an_error_names_the_file_the_key_and_the_nearest_name(conf, path, value, said):
    assert said in refusal(conf, {path: value})


def test_a_trigger_on_an_unknown_table_is_refused(conf):
    watched = {"jobs.retrain.schedule": None, "jobs.retrain.trigger": {"tables": ["flight_delay.prediction"]}}
    assert "there is no table 'flight_delay.prediction' (did you mean 'flight_delay.predictions'?)" in refusal(
        conf, watched
    )
    watched["jobs.retrain.trigger"] = {"tables": ["flight_delay.predictions"]}
    assert "not in Unity Catalog" in refusal(conf, {**watched, "databricks.root": "s3://bucket"})


def test_nodes_that_share_data_in_memory_must_be_in_the_same_task(conf):
    """Each task is a separate process, so data in memory cannot pass between tasks."""
    first = {"name": "features", "pipelines": ["training"], "nodes": ["training.flight_delay.build_training_set"]}
    said = refusal(conf, {"jobs.retrain.tasks": [first]})
    assert "the task reads flight_delay.fitted_features, which exists in memory only, within one run" in said


def test_two_tasks_can_share_a_pipeline_but_no_node(conf):
    both = {"pipelines": ["training", "evaluation"]}
    parts: list[dict[str, Any]] = [
        {"name": "training", **both, "namespaces": ["training", "evaluation"]},
        {"name": "evaluation", **both, "namespaces": ["evaluation"]},
    ]
    said = refusal(conf, {"jobs.retrain.tasks": parts})
    assert "training and evaluation would both run the node evaluation.flight_delay.held_out" in said

    parts[0]["namespaces"] = ["training"]
    changed(conf, {"jobs.retrain.tasks": parts})
    checked_jobs(conf)


def test_one_error_lists_every_mistake(conf):
    said = refusal(conf, {"jobs.score.tasks": ["infrence"], "jobs.retrain.compute": "x", "databricks.root": "${var.y}"})
    assert len(said.splitlines()) == 1 + 1 + 4 + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs: {}\njobs: {}\n", "duplicate key jobs"),
        ("jobs: [", "cannot be read"),
        ("jobs: ${var.x\n", "cannot be read"),
        ("", "databricks: Field required"),
    ],
)
def test_an_invalid_file_is_refused(conf, text, said):
    (conf / "base" / "jobs.yml").write_text(text)
    with pytest.raises(PodiumError, match=r"jobs\.yml") as refused:
        checked_jobs(conf)
    assert said in refused.value.message


def test_a_missing_file_is_an_error(tmp_path):
    (tmp_path / "base").mkdir()
    with pytest.raises(PodiumError, match="which defines the jobs"):
        checked_jobs(tmp_path)
