"""Fixtures that run the ``podium`` command on separate data folders, and the data folder of one ``podium demo``."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from podium.cli import main
from tests.conftest import PROJECT

Podium = Callable[..., Result]


@dataclass(frozen=True)
class Life:
    """A finished ``podium demo``: its data folder and its output."""

    data: Path
    output: str

    @property
    def root(self) -> Path:
        return self.data / "dev"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.root / 'mlflow.db'}"


def run(data: Path, *arguments: str) -> Result:
    environment = {"PODIUM_DATA": str(data), "PODIUM_HOME": str(PROJECT), "KEDRO_ENV": None}
    return CliRunner().invoke(main, arguments, prog_name="podium", env=environment)


@pytest.fixture
def podium(tmp_path: Path) -> Podium:
    """Return a function that runs the command on an empty data folder."""
    return lambda *arguments: run(tmp_path / "data", *arguments)


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory, small, write_source, spark) -> Life:
    """A finished demo on the small source: training as of 1 April 2013, then monitoring as of 3 May."""
    folder = tmp_path_factory.mktemp("life")
    source = write_source(small, folder / "source")
    told = run(folder / "data", "demo", "--source", str(source), "--as-of", "2013-04-01", "--later", "2013-05-03")
    assert told.exit_code == 0, told.output
    return Life(folder / "data", told.output)


@pytest.fixture
def listed(life: Life) -> Callable[..., Any]:
    """Return a function that runs a listing command on the demo's data and parses its JSON."""

    def ask(*arguments: str) -> Any:
        answer = run(life.data, *arguments, "--json")
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    return ask
