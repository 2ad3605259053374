"""A staging that has models, for reading; a prod that is empty, for every test."""

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
def elsewhere():
    """Nobody stays in the environment that a test entered."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1] if before[1] != before[0] else None)


@pytest.fixture(scope="session")
def staging(new_home: MakeHome) -> Home:
    """Version 1 is champion, version 2 a challenger that was refused. For reading."""
    home = new_home("staging")
    home.live(seed=1)
    home.live(seed=2, passed=False)
    return home


@pytest.fixture
def prod(new_home: MakeHome) -> Home:
    return new_home("prod")
