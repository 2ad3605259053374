"""Private names of libraries still work as Podium expects. Each test is named after the function that uses them."""

import inspect
from importlib.metadata import version

import pytest
from kedro.io import CachedDataset, DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from pyspark import SparkContext, java_gateway
from pyspark.sql import SparkSession

from podium import private_names, run_status


def test_connection_file():
    assert f'"{private_names.CONNECTION_FILE}"' in inspect.getsource(java_gateway.launch_gateway)


def test_cached():
    inside = MemoryDataset(1)
    assert private_names.cached(CachedDataset(inside)) is inside


@pytest.fixture
def pyspark_state(monkeypatch: pytest.MonkeyPatch):
    """Replace PySpark's global driver state by placeholders. Each name must exist. The original state is restored."""
    for name in ("_active_spark_context", "_gateway", "_jvm"):
        monkeypatch.setattr(SparkContext, name, object(), raising=True)
    for name in ("_instantiatedSession", "_activeSession"):
        monkeypatch.setattr(SparkSession, name, object(), raising=True)


@pytest.mark.usefixtures("pyspark_state")
def test_forget_driver():
    private_names.forget_driver()
    assert SparkContext._active_spark_context is None
    assert SparkSession._instantiatedSession is SparkSession._activeSession is None


@pytest.mark.usefixtures("pyspark_state")
def test_forget_gateway():
    private_names.forget_gateway()
    assert SparkContext._gateway is SparkContext._jvm is None


def test_result_pieces(spark):
    frame = spark.range(10).selectExpr("id", "timestamp'2013-06-01 00:00:00' as at")
    schema, *tables = private_names.result_pieces(frame)
    assert [field.name for field in getattr(schema, "fields", schema)] == ["id", "at"]
    assert sorted(value for table in tables for value in table["id"].to_pylist()) == list(range(10))


def test_viz_id():
    from kedro_viz.data_access.managers import DataAccessManager
    from kedro_viz.integrations.kedro import hooks_utils

    node = Node(len, inputs="a", outputs="c", name="length")
    graph = DataAccessManager()
    pipelines = {"__default__": Pipeline([node])}
    graph.add_catalog(DataCatalog(), pipelines)
    graph.add_pipelines(pipelines)
    shown = {each.name: each.id for each in graph.nodes.as_list()}
    assert {name: shown[name] for name in "ac"} == {name: private_names.viz_id(name) for name in "ac"}
    assert private_names.viz_id(node) in shown.values()
    assert (hooks_utils.EVENTS_FILE, str(hooks_utils.EVENTS_DIR)) == (run_status.EVENTS, run_status.FOLDER)


@pytest.mark.parametrize(
    ("library", "checked"), [("kedro", "1.7.0"), ("kedro-viz", "12.5.0"), ("pyspark", "4.2.0")], ids=str
)
def test_the_versions_named_in_the_module_are_installed(library: str, checked: str):
    assert version(library) == checked
    assert f"{library} {checked}".casefold() in (private_names.__doc__ + _docs()).casefold()


def _docs() -> str:
    return "".join(getattr(private_names, name).__doc__ for name in private_names.__all__)
