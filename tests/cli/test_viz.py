"""``kedro viz build`` on the demo's data: the contents of the static site, and what a browser shows."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from deltalake import DeltaTable
from mlflow import MlflowClient

from podium.models import digest
from podium.pipelines import STAGES
from podium.registry.overview import Registry
from tests.cli.conftest import Life
from tests.conftest import PROJECT

LAYERS = ["source", "bronze", "features", "training", "registry", "predictions", "monitoring"]
PIPELINES = sorted([*STAGES, "__default__"])


class Site:
    """The static site: its API answers, and the output of its build."""

    def __init__(self, folder: Path, output: str):
        self.folder, self.output = folder, output
        # Nodes of two stages can have the same short name.
        self.nodes = {node.get("full_name", node["name"]): node for node in self.pipeline("__default__")["nodes"]}

    def answer(self, name: str) -> dict:
        return json.loads((self.folder / "api" / name).read_text())

    def pipeline(self, name: str) -> dict:
        return self.answer(f"pipelines/{name}")

    def shown(self, name: str) -> dict:
        """The details that the site shows when a user clicks a node or dataset."""
        return self.answer(f"nodes/{self.nodes[name]['id']}")


@pytest.fixture(scope="module")
def site(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Site:
    project = tmp_path_factory.mktemp("project")
    (project / "src").mkdir()
    (project / "conf").symlink_to(PROJECT / "conf")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, project)
    # Hide Java, to prove that the build does not need it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODIUM_", "KEDRO_", "JAVA_"))}
    built = subprocess.run(
        [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"],
        cwd=project,
        env=kept | {"PODIUM_DATA": str(life.data), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Site(project / "build", built.stdout + built.stderr)


def test_the_build_prints_no_warnings_or_errors(site):
    assert "Success!" in site.output
    assert "WARNING" not in site.output
    assert "Error" not in site.output


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_pipeline_has_its_layers(site, pipeline):
    """kedro-viz disables all layers if datasets of two layers depend on each other in a cycle."""
    answer = site.pipeline(pipeline)
    used = {node["layer"] for node in answer["nodes"] if node.get("layer")}

    assert 2 <= len(used) <= len(LAYERS)
    assert used <= set(answer["layers"]) == set(LAYERS)


def test_the_layers_are_in_the_order_of_the_data_flow(site):
    assert site.answer("main")["layers"] == LAYERS


def test_every_pipeline_is_listed_and_folds_by_stage(site):
    answer = site.answer("main")

    assert sorted(each["id"] for each in answer["pipelines"]) == PIPELINES
    top = {each["id"] for each in answer["modular_pipelines"]["__root__"]["children"]}
    assert {*STAGES, "ingestion", "clock"} <= top
    assert not [node for node in answer["nodes"] if node["type"] == "task" and node["id"] in top]


def test_every_node_shows_a_one_line_summary_and_its_code(site):
    tasks = [name for name, node in site.nodes.items() if node["type"] == "task"]
    assert len(tasks) > 50
    for name in tasks:
        shown = site.shown(name)
        said = shown["preview"]["content"].splitlines()[0]
        assert said.endswith("."), name
        assert len(said) < 120, name
        assert f'"""{said}' in shown["code"], name
        assert shown["code"] in (PROJECT / "src" / shown["filepath"].partition("/src/")[2]).read_text(), name


def test_a_refresh_node_shows_the_description_of_its_table(site):
    shown = site.shown("feature_engineering.flights.refresh_weather")

    assert "weather: Weather at the origin." in shown["preview"]["content"]


def tables(site: Site) -> dict[str, dict]:
    """The details of every Delta table, by name. A table of repeats exists only if there are any."""
    found = {name: site.shown(name) for name, node in site.nodes.items() if node["type"] == "data"}
    delta = {name: shown for name, shown in found.items() if shown["type"].endswith("DeltaDataset")}
    assert all(Path(shown["filepath"]).exists() for name, shown in delta.items() if "quarantine_repeats_" not in name)
    return {name: shown for name, shown in delta.items() if Path(shown["filepath"]).exists()}


def test_every_table_is_shown_with_its_version_and_columns(site):
    assert len(tables(site)) > 25
    for name, shown in tables(site).items():
        delta = DeltaTable(shown["filepath"])
        first, *columns = shown["preview"]["columns"]
        assert first == f"version {delta.version()}", name
        assert [column.partition(":")[0] for column in columns] == [field.name for field in delta.schema().fields]
        assert len(shown["preview"]["data"]) == min(10, delta.to_pyarrow_dataset().count_rows())
        assert shown["stats"]["rows"] == delta.to_pyarrow_dataset().count_rows()


@pytest.mark.parametrize(
    "name",
    [f"flights.{name}" for name in ("bronze_airport", "bronze_cancellation", "quarantine_intake")]
    + ["flight_delay.monitoring_drift"],
)
def test_the_previewed_rows_are_in_the_table(site, name):
    shown = site.shown(name)

    rows = DeltaTable(shown["filepath"]).to_pyarrow_table().to_pylist()
    there = {tuple(None if value is None else str(value) for value in row.values()) for row in rows}
    assert {tuple(row[1:]) for row in shown["preview"]["data"]} <= there


def test_the_site_contains_no_clear_tail_number(site, life):
    """In dev no role sees clear tail numbers."""
    planes = DeltaTable(str(life.root / "flights" / "bronze" / "plane")).to_pyarrow_table()
    tails = {tail for tail in planes["tail_number"].to_pylist() if len(tail) > 4}
    assert len(tails) > 1000

    for file in (site.folder / "api" / "nodes").iterdir():
        text = file.read_text()
        if "data:image" not in text:
            words = set(text.replace('"', " ").replace(",", " ").split())
            assert not tails & words, file


def test_the_previewed_champion_agrees_with_mlflow(site, life):
    client = MlflowClient(tracking_uri=life.mlflow_uri, registry_uri=life.mlflow_uri)
    version = client.get_model_version_by_alias("flight_delay", "champion")
    files = Path(version.source) / "artifacts" / "model"

    shown = json.loads(site.shown("flight_delay.champion")["preview"])

    assert shown["version"] == str(version.version)
    assert shown["sha256"] == digest(files)
    assert f"{shown['figures']['auc']:.6g}" == version.tags["podium.metric.auc"]
    assert set(shown["checks"].values()) == {"passed"}
    evidence = json.loads(site.shown("flight_delay.evidence")["preview"])
    assert evidence["sha256"] == json.loads(site.shown("flight_delay.candidate")["preview"])["sha256"] == digest(files)
    assert set(evidence["checks"]) < set(shown["checks"])
    trials = site.shown("flight_delay.trials")["preview"]
    made = Registry(life.mlflow_uri).last_run("training")
    parent = f"tags.mlflow.parentRunId = '{made.run_id}'"
    experiments = [each.experiment_id for each in client.search_experiments()]
    assert len(trials["data"]) == len(client.search_runs(experiments, parent))


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("flights.report_eda", 8), ("flight_delay.report_model_card", 5), ("flight_delay.report_monitoring", 3)],
)
def test_pages_show_their_pictures(site, name, pictures):
    shown = site.shown(name)

    assert shown["preview_type"] == "HTMLPreview"
    assert shown["preview"].count("<img src=") >= pictures


def test_every_node_succeeded_and_the_durations_add_up_to_those_of_the_runs(site, life):
    status = site.answer("run-status")
    assert set(status["nodes"]) == {node["id"] for node in site.nodes.values() if node["type"] == "task"}
    assert {each["status"] for each in status["nodes"].values()} == {"success"}
    registry = Registry(life.mlflow_uri)
    for pipeline in ("training", "evaluation", "inference", "monitoring"):
        own = [
            status["nodes"][node["id"]]["duration"]
            for node in site.pipeline(pipeline)["nodes"]
            if node["type"] == "task" and node["modular_pipelines"] == [f"{pipeline}.flight_delay"]
        ]
        took = registry.last_run(pipeline).seconds
        assert 0.5 * took < sum(own) < took
    assert status["pipeline"]["duration"] == pytest.approx(registry.last_run("monitoring").seconds, abs=1)


@pytest.fixture(scope="module")
def viz() -> ModuleType:
    """The module that takes the screenshot in the docs."""
    spec = importlib.util.spec_from_file_location("viz", PROJECT / "docs" / "images" / "viz.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.browser() is None:
        pytest.skip("needs Chrome: apt-get install chromium")
    return module


def test_a_browser_shows_the_layers_and_the_rows_of_a_clicked_table(site, viz):
    picture = PROJECT / "build" / "tests" / "viz.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    ids = viz.ids(site.folder)
    with viz.served(site.folder) as address, viz.tab(viz.browser()) as page:
        page.goto(address)
        page.locator(".pipeline-layer-name").first.wait_for()
        layers = page.locator(".pipeline-layer-name").all_text_contents()
        boxes = page.locator(".pipeline-node--modularPipeline, .pipeline-node--task").all_text_contents()
        page.locator(f".pipeline-node[data-id='{ids['flights.bronze_airline']}']").click()
        page.locator(".preview-table__row").first.wait_for()
        rows = [row.locator("td").all_text_contents() for row in page.locator(".preview-table__row").all()]
        page.screenshot(path=picture)

    assert layers == LAYERS
    assert sorted(boxes) == sorted([*STAGES, "ingestion", "clock"])
    there = DeltaTable(site.shown("flights.bronze_airline")["filepath"]).to_pyarrow_table().to_pylist()
    assert len(rows) == 10
    assert {tuple(row[1:]) for row in rows} <= {tuple(str(value) for value in row.values()) for row in there}
    assert picture.stat().st_size > 20_000
