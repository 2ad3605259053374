"""The workflows in .github: zizmor finds nothing, and the commands that they run exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from podium.jobs.checks import checked_jobs
from tests.conftest import PROJECT
from tests.docs.test_commands import CHECKS

FOLDER = PROJECT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
OTHERS = ("databricks", "pipx", "zizmor")


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--persona", "auditor", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def steps(file: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(file.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands(file: Path) -> list[list[str]]:
    return [shlex.split(step["run"].removeprefix(".venv/bin/")) for step in steps(file) if "run" in step]


def test_zizmor_finds_nothing():
    found = zizmor(FOLDER)
    assert found.returncode == 0, found.stdout
    assert "No findings" in found.stdout


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ((r"@[0-9a-f]{40} # v[\d.]+", "@v7"), "unpinned-uses"),
        ((r"persist-credentials: false", "persist-credentials: true"), "artipacked"),
        ((r"run: make lint", "run: echo ${{ github.event.pull_request.title }}"), "template-injection"),
    ],
)
def test_zizmor_finds_an_inserted_problem(tmp_path, change, finding):
    """Shows that zizmor reports known problems, because otherwise the test above could not fail."""
    file = tmp_path / ".github" / "workflows" / "pull-request.yml"
    file.parent.mkdir(parents=True)
    file.write_text(re.sub(*change, (FOLDER / file.name).read_text(), count=1))
    found = zizmor(file)
    assert found.returncode != 0
    assert finding in found.stdout


def test_each_workflow_has_its_triggers():
    occasions = {file.stem: set(yaml.safe_load(file.read_text())[True]) for file in FILES}  # YAML reads "on" as true
    assert occasions == {
        "pull-request": {"pull_request", "merge_group"},
        "release": {"push"},
        "audit": {"schedule", "workflow_dispatch"},
        "faults": {"schedule", "workflow_dispatch"},
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_commands_of_a_workflow_exist(file, monkeypatch):
    monkeypatch.chdir(PROJECT)
    typed = commands(file)
    assert typed
    for first, *arguments in typed:
        assert first in CHECKS or first in OTHERS, first
        if first in CHECKS:
            CHECKS[first](arguments)


def test_a_pull_request_runs_the_model_life_cycle_in_staging():
    found = checked_jobs(PROJECT / "conf")
    runs = [words for words in commands(FOLDER / "pull-request.yml") if words[:3] == ["podium", "jobs", "run"]]
    assert all(words[4:6] == ["--env", "staging"] for words in runs)
    order = [name for words in runs for step in found.steps(words[3]) for name in step.task.pipelines]
    assert order == [
        *("feature_engineering", "training", "evaluation", "deployment"),
        *("feature_engineering", "inference", "monitoring"),
    ]


def test_a_pull_request_is_tested_with_every_python():
    tests = yaml.safe_load((FOLDER / "pull-request.yml").read_text())["jobs"]["tests"]
    assert tests["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert any(step.get("with", {}).get("python-version") == "${{ matrix.python }}" for step in tests["steps"])


def test_a_release_needs_an_approval_and_deploys_the_validated_bundle():
    release = yaml.safe_load((FOLDER / "release.yml").read_text())
    assert release["jobs"]["deploy"]["environment"] == "production"
    order = [" ".join(words) for words in commands(FOLDER / "release.yml")]
    assert release["jobs"]["deploy"]["needs"] == "tests"
    assert order == [
        "make test",
        "make setup",
        "podium jobs bundle --check",
        "databricks bundle validate --strict --target prod",
        "databricks bundle deploy --target prod",
    ]
    given = {name.removeprefix("BUNDLE_VAR_") for name in release["jobs"]["deploy"]["env"] if "BUNDLE_VAR_" in name}
    bundle = yaml.safe_load((PROJECT / "databricks" / "databricks.yml").read_text())
    needed = {name for name, variable in bundle["variables"].items() if "default" not in variable}
    assert given == needed - bundle["targets"]["prod"]["variables"].keys()
