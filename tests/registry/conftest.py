"""Fixtures: a shared staging environment with models, which tests only read, and an empty prod for each test."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from tests.registry.homes import Home

MakeHome = Callable[[str], Home]


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory, tracking_store: Path) -> MakeHome:
    def make(env: str) -> Home:
        folder = tmp_path_factory.mktemp("home") / env
        folder.mkdir()
        shutil.copy(tracking_store, folder)
        return Home(folder, env)

    return make


@pytest.fixture(autouse=True)
def restored_uris():
    """Restore MLflow's URIs, which a test changes when it enters an environment."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1] if before[1] != before[0] else None)


@pytest.fixture(scope="session")
def staging(new_home: MakeHome) -> Home:
    """An environment whose version 1 is champion and version 2 a refused challenger. Tests only read it."""
    home = new_home("staging")
    home.live(seed=1)
    home.live(seed=2, passed=False)
    return home


@pytest.fixture
def prod(new_home: MakeHome) -> Home:
    return new_home("prod")
