"""The command as a person types it, on data folders of its own; and one whole life on the small source."""

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
    """What ``podium demo`` left behind: its data folder and what it printed."""

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
    """The command on an empty data folder."""
    return lambda *arguments: run(tmp_path / "data", *arguments)


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory, small, write_source, spark) -> Life:
    folder = tmp_path_factory.mktemp("life")
    source = write_source(small, folder / "source")
    told = run(folder / "data", "demo", "--source", str(source), "--as-of", "2013-04-01", "--later", "2013-05-03")
    assert told.exit_code == 0, told.output
    return Life(folder / "data", told.output)


@pytest.fixture
def listed(life: Life) -> Callable[..., Any]:
    """What a listing of the life prints as JSON."""

    def ask(*arguments: str) -> Any:
        answer = run(life.data, *arguments, "--json")
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    return ask
