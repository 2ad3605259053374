"""The status of runs that kedro-viz shows: successful and failed, full and partial runs."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import AbstractDataset, DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_viz.api.rest.responses.run_events import RunStatusAPIResponse, get_run_status_response
from kedro_viz.integrations.kedro.hooks_utils import hash_node

from podium.run_status import FOLDER, STATS, RunStatus, show

SLOW = 0.1


class Table(AbstractDataset):
    """A Delta table whose save takes time, as it does with lazy frames."""

    def __init__(self, path: Path):
        self.path = str(path)

    def load(self):
        return None

    def save(self, data):
        if not isinstance(data, pd.DataFrame):
            raise ValueError("this is no table")
        time.sleep(SLOW)
        write_deltalake(self.path, data, mode="append")

    def _describe(self):
        return {}


def rows(_: object) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def no_table(_: object) -> str:
    return "no table"


def broken(_: object) -> None:
    raise KeyError("this column")


class World:
    """A project with two nodes and a table between them."""

    def __init__(self, folder: Path):
        self.project = folder
        self.hooks = RunStatus()
        self.manager = _create_hook_manager()
        self.manager.register(self.hooks)

    def local(self, env: str) -> str:
        return str(self.project / "data" / env)

    def run(self, env: str, first=rows, second=len, *, only: str | None = None) -> None:
        catalog = DataCatalog(
            {"start": MemoryDataset(1), "table": Table(self.project / env), "end": MemoryDataset()},
        )
        pipeline = nodes(first, second)
        pipeline = pipeline.only_nodes(only) if only else pipeline
        hook = self.manager.hook
        hook.after_context_created(
            context=SimpleNamespace(config_loader={"globals": {"local": self.local(env)}}),
        )
        hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
        try:
            SequentialRunner().run(pipeline, catalog, self.manager)
        except (KeyError, DatasetError) as error:
            hook.on_pipeline_error(error=error, run_params={}, pipeline=pipeline, catalog=catalog)
        else:
            hook.after_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog, run_result={})

    def shown(self, env: str) -> RunStatusAPIResponse:
        """The response of kedro-viz to the browser for that environment."""
        show(self.local(env), self.project)
        return get_run_status_response()


def same_name(func):
    """Give all node functions the same name, because kedro-viz also identifies a node by its function's name."""

    def does(data):
        return func(data)

    return does


def nodes(first=rows, second=len) -> Pipeline:
    return Pipeline(
        [
            Node(same_name(first), "start", "table", name="first"),
            Node(same_name(second), "table", "end", name="second"),
        ]
    )


def of(found: dict, name: str) -> object:
    keys = {node.name: hash_node(node) for node in nodes().nodes} | {"table": hash_node("table")}
    return found.get(keys[name])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "pyproject.toml").write_text('[tool.kedro]\npackage_name = "p"\nproject_name = "p"\n')
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_the_duration_of_a_node_includes_saving_its_outputs(world):
    started = time.perf_counter()
    world.run("dev", second=lambda _: 1)
    whole = time.perf_counter() - started

    shown = world.shown("dev")

    assert SLOW <= of(shown.nodes, "first").duration <= whole
    assert SLOW <= shown.pipeline.duration <= whole
    assert shown.pipeline.status == "success"


def test_tables_have_the_size_from_their_log(world):
    world.run("dev", second=lambda _: 1)
    world.run("dev", second=lambda _: 1)

    table = DeltaTable(str(world.project / "dev"))
    size = sum((world.project / "dev" / file).stat().st_size for file in table.to_pyarrow_dataset().files)
    assert of(world.shown("dev").datasets, "table").size == size
    stats = json.loads((world.project / FOLDER / STATS).read_text())
    assert stats == {"table": {"rows": 4, "columns": 2, "file_size": size}}


def test_a_partial_run_keeps_the_status_of_the_other_nodes(world):
    world.run("dev", second=lambda _: 1)
    before = world.shown("dev")

    world.run("dev", second=lambda _: 1, only="second")

    after = world.shown("dev")
    assert of(after.nodes, "first") == of(before.nodes, "first") is not None
    assert of(after.nodes, "second") != of(before.nodes, "second")
    assert after.pipeline.start_time > before.pipeline.end_time
    assert after.pipeline.duration < SLOW


def test_a_failed_save_is_shown_at_its_node_and_dataset(world):
    world.run("dev", first=no_table)

    shown = world.shown("dev")

    assert shown.pipeline.status == of(shown.nodes, "first").status == of(shown.datasets, "table").status == "failed"
    assert "this is no table" in of(shown.nodes, "first").error.message
    assert of(shown.datasets, "table").error.error_operation == "saving"
    assert of(shown.nodes, "second") is None


def test_a_failed_node_is_shown_until_it_succeeds(world):
    world.run("dev", second=broken)
    failed = world.shown("dev")
    assert of(failed.nodes, "first").status == of(failed.datasets, "table").status == "success"
    assert "this column" in of(failed.nodes, "second").error.message
    assert "broken" in of(failed.nodes, "second").error.traceback

    world.run("dev", second=lambda _: 1)

    healed = world.shown("dev")
    assert healed.pipeline.error is of(healed.nodes, "second").error is None


def test_one_environment_does_not_show_the_runs_of_another(world):
    world.run("dev", second=lambda _: 1)
    world.run("prod", second=broken)

    assert world.shown("dev").pipeline.status == "success"
    assert world.shown("prod").pipeline.status == "failed"
    assert not world.shown("staging").nodes


def test_an_unreadable_record_is_replaced(world):
    world.run("dev", second=lambda _: 1)
    for file in Path(world.local("dev"), FOLDER).iterdir():
        file.write_text("{")

    world.run("dev", second=lambda _: 1)

    assert world.shown("dev").pipeline.status == "success"


def test_an_unwritable_folder_does_not_fail_the_run(world, caplog):
    world.project.joinpath("data").write_text("a file")

    world.run("dev", second=lambda _: 1)

    assert "kedro viz will not show this run" in caplog.text
