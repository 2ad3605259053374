"""A project with three champions, one after the other, and tables that moved on meanwhile."""

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
    """A project that has lived, and the commands that one may ask about it."""

    project: Project

    @property
    def source(self) -> Path:
        return self.project.source

    @property
    def lake(self) -> Path:
        return self.project.lake

    def podium(self, *arguments: str, data: Path | None = None) -> Result:
        folder = data or self.project.data
        environment = {"PODIUM_DATA": str(folder), "PODIUM_HOME": str(PROJECT), "KEDRO_ENV": None}
        return CliRunner().invoke(main, arguments, prog_name="podium", env=environment)

    def ask(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
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
            # As deployment does it where every check passes. What evaluation finds is the matter of other tests.
            decision = Decision(
                candidate=newest_candidate("flight_delay"), checks=({"name": "", "passed": True},), metrics={}
            )
            apply("flight_delay", decision)
        for stage in ("feature_engineering", "inference"):
            project.run(stage, as_of=LATER, **QUICK)
        yield Lived(project)


@pytest.fixture(autouse=True)
def _its_mlflow(lived: Lived) -> None:
    """MLflow's functions ask the project that has lived, until another one runs."""
    uri = f"sqlite:///{lived.project.data}/dev/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)


@pytest.fixture
def tables(lived: Lived) -> Callable[[dict], dict[str, dict]]:
    """All tables of a tree by name and version, each where it is told in full."""

    def gather(tree: dict) -> dict[str, dict]:
        found: dict[str, dict] = {}
        waiting = [tree]
        while waiting:
            branch = waiting.pop()
            waiting += branch["branches"]
            if branch["kind"] == "table" and branch["note"] != "as above":
                key = f"{branch['name']}@{branch['version']}"
                assert key not in found, f"{key} is told twice"
                found[key] = branch
        return found

    return gather
