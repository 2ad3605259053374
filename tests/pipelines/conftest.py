"""The project on which all stages have run, shared by the tests of the life cycle."""

import mlflow
import pytest

from tests.conftest import Project
from tests.pipelines.life import live


@pytest.fixture(scope="session")
def lived(tmp_path_factory, small, write_source, spark):
    """A project on which all stages ran once without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("life")
        patch.setenv("PODIUM_DATA", str(folder / "data"))
        project = Project(folder / "data", write_source(small, folder / "source"))
        live(project)
        yield project


@pytest.fixture(autouse=True)
def _its_mlflow(request: pytest.FixtureRequest) -> None:
    """Point MLflow to the shared project before each test of it: a test that runs another project changes it."""
    if "lived" in request.fixturenames:
        uri = f"sqlite:///{request.getfixturevalue('lived').data}/dev/mlflow.db"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
