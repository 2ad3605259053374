"""``kedro viz`` runs no hooks. Even so, previews obey the access rules, create no files and start no engine."""

import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kedro.io import AbstractDataset, DataCatalog
from kedro_viz.integrations.kedro.data_loader import load_data

from podium.lakehouse import access, engine
from tests.conftest import PROJECT

Previews = Callable[[str], dict[str, str]]


def datasets(catalog: DataCatalog, pipelines: dict) -> Iterator[tuple[str, AbstractDataset]]:
    """The datasets that kedro-viz asks for a preview."""
    for name in sorted(pipelines["__default__"].datasets()):
        dataset = catalog.get(name)
        if hasattr(dataset, "preview"):
            yield name, dataset


@pytest.fixture
def previews(monkeypatch: pytest.MonkeyPatch) -> Iterator[Previews]:
    """Return a function that loads an environment as ``kedro viz`` does and returns every preview as text."""
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


def test_previews_of_forbidden_datasets_show_only_the_refusal(previews, life, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(life.data))
    monkeypatch.setenv("PODIUM_PROD_ROOT", str(life.root))
    monkeypatch.setenv("PODIUM_PRINCIPAL", "nobody")

    shown = previews("prod")

    assert len(shown) > 35
    for name, text in shown.items():
        assert "nobody (roles: none) may not read the zone" in text, name
        assert "version" not in text, name


def test_masked_columns_are_masked(previews, life, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(life.data))

    assert "tail_number: string, masked" in previews("dev")["flights.bronze_plane"]


def test_before_the_first_run_previews_say_so_and_create_no_files(previews, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # without a tracking URI, MLflow creates a database in the working folder

    shown = previews("dev")

    for name, text in shown.items():
        assert "First run the pipeline that writes" in text, name
    assert not list(tmp_path.iterdir())
