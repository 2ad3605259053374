"""The whole project: pipelines, catalog, environments and imports."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from podium.pipeline_registry import register_pipelines
from podium.registered import domains, problems
from podium.selection import select
from tests.conftest import PROJECT

STAGES = {"eda", "feature_engineering", "training", "evaluation", "deployment", "inference", "monitoring"}
CONF = PROJECT / "conf"


@pytest.fixture(scope="module")
def pipelines():
    return register_pipelines()


def test_the_pipelines_are_the_seven_stages_and_their_union(pipelines) -> None:
    assert pipelines.keys() == STAGES | {"__default__"}
    names = {node.name for stage in STAGES for node in pipelines[stage].nodes}
    assert {node.name for node in pipelines["__default__"].nodes} == names


def test_every_node_belongs_to_a_stage_and_a_domain_or_problem(pipelines) -> None:
    for node in pipelines["__default__"].nodes:
        stage, subject, _ = node.name.split(".")
        assert subject in {*domains(), *problems()}
        assert stage in STAGES | {"ingestion", "clock"}


def test_the_default_pipeline_runs_the_stages_in_the_order_of_the_life_cycle(pipelines) -> None:
    order = [node.name for node in pipelines["__default__"].nodes]
    steps = {
        "training": "fit_candidate",
        "evaluation": "measure",
        "deployment": "decide",
        "inference": "score",
        "monitoring": "reference",
    }
    places = [order.index(f"{stage}.flight_delay.{name}") for stage, name in steps.items()]
    assert places == sorted(places)


@pytest.mark.parametrize("namespace", ["training", "training.flight_delay", "eda.flights"])
def test_a_slice_of_the_pipelines_has_its_clock(pipelines, namespace: str) -> None:
    chosen = select(pipelines, node_namespaces=[namespace])

    stages = {node.namespace for node in chosen.nodes}
    assert stages == {
        f"{namespace.partition('.')[0]}.{'flights' if 'eda' in namespace else 'flight_delay'}",
        "clock.flights",
    }
    assert "flights.as_of" not in chosen.inputs()


def test_the_catalog_has_every_dataset_that_outlives_a_run(pipelines, data_folder: Path) -> None:
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT) as session:
        catalog = session.load_context().catalog
    # Small pandas frames that pass between nodes in memory, within a run.
    within = {
        "flights.intake_counts",
        "flights.recent_since",
        "flights.feature_plans",
        "flights.counted_rows",
        "flights.due_tables",
    }
    for name in pipelines["__default__"].datasets():
        if not name.startswith(("params:", "parameters")) and name not in within:
            assert catalog.get(name) is not None, name
            assert name in catalog, f"{name} is not in the catalog, so Kedro would keep it in memory and lose it"


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {key: value for name, part in tree.items() for key, value in flat(part, f"{prefix}/{name}").items()}


@pytest.mark.parametrize("env", ["dev", "staging", "prod"])
def test_an_environment_contains_only_its_differences_from_base(env: str) -> None:
    base = {path.name: flat(yaml.safe_load(path.read_text())) for path in (CONF / "base").rglob("*.yml")}
    files = sorted((CONF / env).rglob("*.yml"))
    assert files
    for path in files:
        shared = base.get(path.name, {})
        repeated = [
            key for key, value in flat(yaml.safe_load(path.read_text())).items() if shared.get(key, ...) == value
        ]
        assert not repeated, f"{path} repeats {repeated} of base"


def test_the_code_does_not_branch_on_the_environment() -> None:
    for path in (PROJECT / "src" / "podium").rglob("*.py"):
        text = path.read_text()
        for name in ('== "prod"', '== "staging"', '== "dev"'):
            assert name not in text, f"{path} asks which environment it runs in"


def test_importing_the_project_starts_no_engine() -> None:
    import subprocess
    import sys

    code = (
        "import sys, podium.pipeline_registry as registry, podium.lakehouse.engine as engine;"
        "registry.register_pipelines();"
        "assert not engine._sessions; assert 'pysail' not in sys.modules, 'the engine was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)


def test_there_are_no_import_cycles():
    """Only imports at the top of modules count. Those inside functions keep the start fast."""
    package = PROJECT / "src"
    modules = {".".join(file.relative_to(package).with_suffix("").parts): file for file in package.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): file for name, file in modules.items()}
    graph = TopologicalSorter({name: imported(name, file, set(modules)) for name, file in modules.items()})
    graph.prepare()  # raises CycleError, which names the modules of the cycle


def imported(module: str, file: Path, modules: set[str]) -> set[str]:
    """The modules of Podium that a module imports at its top level, without the packages that contain it."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in modules else source for alias in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found & modules if not module.startswith(f"{name}.") and name != module}
