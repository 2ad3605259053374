"""``kedro viz`` leaves hooks out. The rules hold all the same; and to look makes nothing, and starts no engine."""

import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kedro.io import AbstractDataset, DataCatalog
from kedro_viz.integrations.kedro.data_loader import load_data

from podium.lakehouse import access, engine
from tests.conftest import PROJECT

Look = Callable[[str], dict[str, str]]


def datasets(catalog: DataCatalog, pipelines: dict) -> Iterator[tuple[str, AbstractDataset]]:
    """Those that kedro-viz asks for a preview."""
    for name in sorted(pipelines["__default__"].datasets()):
        dataset = catalog.get(name)
        if hasattr(dataset, "preview"):
            yield name, dataset


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    """What every preview of an environment holds, as text, loaded as ``kedro viz`` loads a project."""
    policy, settings = access.current(), engine.current()

    def ask(env: str) -> dict[str, str]:
        access.configure(None)
        catalog, pipelines, _ = load_data(PROJECT, env=env, package_name="podium")
        monkeypatch.setattr(engine, "session", lambda: pytest.fail("a preview needs no engine"))
        shown = {}
        for name, dataset in datasets(catalog, pipelines):
            arguments = dataset.metadata["kedro-viz"].get("preview_args", {}) if dataset.metadata else {}
            shown[name] = html.unescape(json.dumps(dataset.preview(**arguments)))
        return shown

    yield ask
    monkeypatch.undo()
    access.configure(policy)
    if settings is not None:
        engine.configure(settings)


def test_whoever_may_not_read_sees_the_refusal_and_nothing_else(look, life, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(life.data))
    monkeypatch.setenv("PODIUM_PROD_ROOT", str(life.root))
    monkeypatch.setenv("PODIUM_PRINCIPAL", "nobody")

    shown = look("prod")

    assert len(shown) > 35
    for name, text in shown.items():
        assert "nobody (roles: none) may not read the zone" in text, name
        assert "version" not in text, name


def test_masked_columns_are_masked(look, life, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(life.data))

    assert "tail_number: string, masked" in look("dev")["flight_delay.bronze_plane"]


def test_where_nothing_ever_ran_that_is_said_and_nothing_is_made(look, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # MLflow makes a database wherever it is asked without being told where

    shown = look("dev")

    for name, text in shown.items():
        assert "Run the pipeline that writes it." in text, name
    assert not list(tmp_path.iterdir())
