"""``podium jobs run`` and ``list`` as commands, with real tasks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deltalake import DeltaTable

from podium.cli import main
from tests.conftest import PROJECT

Podium = Callable[..., Result]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder with the shipped configuration, in which jobs do not retry and ``score`` has two tasks."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(PROJECT / "conf", folder / "conf")
    file = folder / "conf" / "base" / "jobs.yml"
    text = file.read_text().replace("retries: 1", "retries: 0")
    two = text.replace(
        "[{name: score, pipelines: [feature_engineering, inference]}]", "[feature_engineering, inference]"
    )
    assert two != text
    file.write_text(two)
    return folder


@pytest.fixture(scope="module")
def variables(data: Path) -> dict[str, str]:
    return {"PODIUM_DATA": str(data), "PODIUM_CONF": str(data / "conf"), "PODIUM_HOME": str(PROJECT)}


@pytest.fixture(scope="module")
def podium(variables) -> Podium:
    """Return a function that runs the command in the test process. Its tasks are still separate processes."""
    return lambda *arguments: CliRunner().invoke(main, ["jobs", *arguments], env=variables)


@pytest.fixture(scope="module")
def failed(variables, small, write_source, data) -> subprocess.CompletedProcess[str]:
    """A finished run of the job score, which failed at inference because there is no champion."""
    flights = small["flights"]
    few = flights[(flights["month"] == "1") & (flights["day"].astype(int) <= 12)]
    params = f"as_of=2013-01-10,flights.source={write_source(small | {'flights': few}, data / 'source')}"
    command = [sys.executable, "-m", "podium", "jobs", "run", "score", "--params", params]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


def version(data: Path) -> int:
    return DeltaTable(str(data / "dev" / "flights" / "features" / "weather")).version()


def test_a_failed_job_ends_with_the_error_and_the_resume_command(failed):
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    *_, error, last = failed.stderr.strip().splitlines()
    assert error.startswith("Error: ")
    assert "champion" in error
    assert last == (
        "Error: score: inference failed with exit code 1. "
        "To continue from there: podium jobs run score --env dev --resume"
    )


def test_resume_starts_at_the_failed_task_with_the_same_parameters(failed, podium, data):
    before = version(data)
    planned = podium("run", "score", "--resume", "--dry-run").stdout
    assert planned.startswith("inference: podium run --env dev --pipelines inference --params as_of=2013-01-10,")
    again = podium("run", "score", "--resume")
    assert again.exit_code == 1
    assert "score 2/2 inference" in again.stderr
    assert "1/2" not in again.stderr
    assert version(data) == before


def test_the_list_shows_how_the_last_run_ended(failed, podium):
    found = {job["name"]: job for job in json.loads(podium("list", "--json").stdout)}
    assert list(found) == ["explore", "score", "monitor", "retrain", "maintain"]
    assert found["score"]["last_run"]["left"] == ["inference"]
    assert found["score"]["last_run"]["tasks"]["feature_engineering"]["outcome"] == "done"
    assert found["score"]["schedule"] == {"cron": "15 * * * *", "time_zone": "America/New_York"}
    assert found["retrain"]["last_run"] is None
    assert "stopped at inference" in podium("list").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("retrian",), 1, "There is no job 'retrian' (did you mean 'retrain'?)"),
        (("retrain", "--env", "prd"), 1, "There is no environment 'prd' (did you mean 'prod'?)"),
        (("retrain", "--params", "as_fo=2013-01-10"), 1, "as_fo: there is no such parameter (did you mean 'as_of'?)"),
        (("retrain", "--params", "as_of"), 1, "'as_of' has no value; write NAME=VALUE"),
        (("retrain", "--resume"), 1, "retrain has no run in dev to resume"),
        (("retrain", "--resume", "--params", "as_of=2013-01-10"), 2, "leave out --params"),
    ],
)
def test_a_mistake_is_reported_before_anything_runs(podium, data, arguments, code, said):
    answer = podium("run", *arguments)
    assert answer.exit_code == code
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (data / "dev" / "jobs" / "retrain.json").exists()


def test_a_dry_run_prints_the_commands(podium):
    planned = podium("run", "retrain", "--env", "prod", "--params", "as_of=2013-08-01", "--dry-run").stdout.splitlines()
    assert [line.partition(":")[0] for line in planned] == [
        "feature_engineering",
        "training",
        "evaluation",
        "deployment",
    ]
    assert planned[1] == "training: podium run --env prod --pipelines training --params as_of=2013-08-01"
