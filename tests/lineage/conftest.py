"""A project with three successive champions, whose tables changed between them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner, Result

from podium.cli import main
from podium.registry.candidate import newest_candidate
from podium.registry.versions import Decision, apply
from tests.conftest import PROJECT, Project
from tests.pipelines.life import LATER, QUICK

MOMENTS = ("2013-03-25", "2013-04-02", "2013-04-09")


@dataclass(frozen=True)
class Lived:
    """A project after several runs, and the commands that inspect it."""

    project: Project

    @property
    def source(self) -> Path:
        return self.project.source

    @property
    def root(self) -> Path:
        return self.project.root

    @property
    def lake(self) -> Path:
        return self.project.lake

    @property
    def answers(self) -> Path:
        return self.project.answers

    def podium(self, *arguments: str, data: Path | None = None) -> Result:
        folder = data or self.project.data
        environment = {"PODIUM_DATA": str(folder), "PODIUM_HOME": str(PROJECT), "KEDRO_ENV": None}
        return CliRunner().invoke(main, arguments, prog_name="podium", env=environment)

    def ask(self, *arguments: str) -> Any:
        """Run a command and parse the JSON that it prints."""
        answer = self.podium(*arguments, "--json")
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)


@pytest.fixture(scope="session")
def lived(tmp_path_factory, small, write_source, spark) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("lineage")
        patch.setenv("PODIUM_DATA", str(folder / "data"))
        project = Project(folder / "data", write_source(small, folder / "source"))
        for moment in MOMENTS:
            for stage in ("feature_engineering", "training"):
                project.run(stage, as_of=moment, **QUICK)
            # Promote as deployment does when every check passes. Other tests cover the evaluation.
            decision = Decision(
                candidate=newest_candidate("flight_delay"), checks=({"name": "", "passed": True},), metrics={}
            )
            apply("flight_delay", decision)
        for stage in ("feature_engineering", "inference"):
            project.run(stage, as_of=LATER, **QUICK)
        # Run only the drift of monitoring: its alerts need the metrics of an evaluation.
        project.session.run(
            pipeline_names=["monitoring"],
            to_outputs=["flight_delay.monitoring_drift"],
            runtime_params={"as_of": LATER, "flights": {"source": str(project.source)}},
        )
        yield Lived(project)


@pytest.fixture(autouse=True)
def _its_mlflow(lived: Lived) -> None:
    """Point MLflow to the shared project before each test, because a test that runs another project changes it."""
    uri = f"sqlite:///{lived.project.data}/dev/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)


@pytest.fixture
def tables(lived: Lived) -> Callable[[dict], dict[str, dict]]:
    """Return a function that collects the tables of a lineage tree by name and version, each from its full entry."""

    def gather(tree: dict) -> dict[str, dict]:
        found: dict[str, dict] = {}
        waiting = [tree]
        while waiting:
            branch = waiting.pop()
            waiting += branch["branches"]
            if branch["kind"] == "table" and branch["note"] != "as above":
                key = f"{branch['name']}@{branch['version']}"
                assert key not in found, f"{key} has two full entries"
                found[key] = branch
        return found

    return gather
