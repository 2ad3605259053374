"""The project on which all stages have run, shared by the tests of the life cycle."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from tests.conftest import Project
from tests.pipelines.life import begin, go_on


@pytest.fixture(scope="session")
def life(tmp_path_factory, small, write_source, spark) -> Iterator[tuple[Project, Path]]:
    """A project on which all stages ran once without interruption, and a copy of its data after the deployment."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("life")
        patch.setenv("PODIUM_DATA", str(folder / "data"))
        project = Project(folder / "data", write_source(small, folder / "source"))
        begin(project)
        shutil.copytree(folder / "data", folder / "deployed")
        go_on(project)
        yield project, folder / "deployed"


@pytest.fixture(scope="session")
def lived(life) -> Project:
    """A project on which all stages ran once without interruption."""
    return life[0]


@pytest.fixture(scope="session")
def deployed(life) -> Path:
    """The data of a project with a champion that has not scored yet. Its model files lie with those of ``lived``."""
    return life[1]


@pytest.fixture(autouse=True)
def _its_mlflow(request: pytest.FixtureRequest) -> None:
    """Point MLflow to the shared project before each test of it: a test that runs another project changes it."""
    if "lived" in request.fixturenames:
        uri = f"sqlite:///{request.getfixturevalue('lived').data}/dev/mlflow.db"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
