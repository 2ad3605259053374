"""The project on which all stages have run, shared by the tests of the life cycle."""

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
