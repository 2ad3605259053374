"""Workarounds that are still needed. A test fails once its library no longer needs the workaround: then remove both.

Each test does what Podium would do without the workaround. The reason names the library, its version, and the
workaround.
"""

import inspect
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from kedro.pipeline import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from pyspark.errors import AnalysisException, PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import functions as F

from podium.lakehouse.table import DeltaDataset, Mode, Rows
from tests.registry.test_inputs import READ, forced_race, inputs

__all__ = ["forced_race"]


@pytest.fixture
def client(tracking_store: Path, tmp_path: Path) -> MlflowClient:
    """A client of a separate MLflow."""
    return MlflowClient(f"sqlite:///{shutil.copy(tracking_store, tmp_path)}")


def still_needed(where: str, *, raises: type[BaseException] = AssertionError) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=raises, reason=where)


@still_needed("Sail 0.7.2; pipelines/eda/profile.py::_measures counts by a sum", raises=AnalysisException)
def test_sail_counts_a_column_and_its_cast_separately(spark):
    frame = spark.createDataFrame([("1",), ("no number",)], "value string")
    found = frame.agg(
        F.count("value").alias("present"), F.count(F.col("value").try_cast("decimal(38, 9)")).alias("numbers")
    ).first()
    assert (found["present"], found["numbers"]) == (2, 1)


@still_needed("Sail 0.7.2; lakehouse/table.py::DeltaDataset._replace makes the predicate never null")
def test_sail_keeps_a_row_for_which_the_predicate_is_null(spark, tmp_path):
    table = DeltaDataset(path=str(tmp_path / "t"), zone="bronze", mode=Mode.OVERWRITE)
    table.save(Rows(frame=spark.createDataFrame([(1,), (5,), (None,)], "k bigint")))
    writer = spark.createDataFrame([(4,)], "k bigint").write.format("delta").mode("overwrite")
    writer.option("replaceWhere", "k >= 3").save(str(tmp_path / "t"))
    assert {row["k"] for row in table.load().collect()} == {None, 1, 4}


@still_needed("Sail 0.7.2; lakehouse/handle.py::ByPath._behind_checkpoint reads files", raises=PySparkException)
def test_sail_reads_a_version_that_is_older_than_a_checkpoint(spark, tmp_path):
    table = DeltaDataset(path=str(tmp_path / "t"), zone="bronze", mode=Mode.APPEND)
    for k in range(3):
        table.save(spark.createDataFrame([(k,)], "k bigint"))
    table.delta().create_checkpoint()
    assert spark.read.format("delta").option("versionAsOf", 2).load(str(tmp_path / "t")).count() == 2


@still_needed("Sail 0.7.2; problems/flight_delay/pictures/when.py::_by_hour computes the weekday from dayofweek")
def test_sail_says_6_for_the_weekday_of_a_sunday(spark):
    assert spark.sql("select date '2013-01-06' as day").select(F.weekday("day")).first()[0] == 6


@still_needed("kedro-mlflow 2.0.3; hooks.py creates the experiment before a run", raises=MlflowException)
def test_kedro_mlflow_starts_a_run_while_another_one_creates_the_experiment(client, monkeypatch):
    config = KedroMlflowConfig(tracking={"experiment": {"name": "first"}})
    config.server._mlflow_client = client
    find = MlflowClient.get_experiment_by_name

    def find_before_another_run_creates(self: MlflowClient, name: str) -> Experiment | None:
        found = find(self, name)
        if found is None:
            self.create_experiment(name)
        return found

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", find_before_another_run_creates)
    monkeypatch.setattr("mlflow.set_experiment", lambda **_: None)
    config._set_experiment()


@still_needed("MLflow 3.17.2; registry/inputs.py::log_inputs retries", raises=MlflowException)
def test_mlflow_logs_the_same_datasets_of_concurrent_runs(client, forced_race):
    experiment = client.create_experiment("race")
    runs = {name: client.create_run(experiment).info.run_id for name in READ}
    with ThreadPoolExecutor(len(READ)) as pool:
        list(pool.map(lambda name: client.log_inputs(runs[name], inputs(READ[name])), READ))


@still_needed("PySpark 4.2.0; lakehouse/engines/jvm.py starts the JVM, because a preexec_fn makes Python fork")
def test_pyspark_starts_its_jvm_without_a_fork():
    assert "preexec_fn" not in inspect.getsource(launch_gateway)


@still_needed("MLflow 3.17.2; registry/runs.py::record_run writes lineage.json by log_text")
def test_mlflow_writes_a_dict_without_indentation(client):
    run = client.create_run("0").info.run_id
    client.log_dict(run, {"a": {"b": 1}}, "document.json")
    assert len(Path(client.download_artifacts(run, "document.json")).read_text().splitlines()) == 1


@pytest.mark.filterwarnings("ignore:The node producing outputs .* is made from a 'partial'")
@still_needed("kedro-viz 12.5.0; pipelines/stage.py::fixed copies a function, where a partial would do")
def test_kedro_viz_shows_the_code_of_a_partial():
    from kedro_viz.models.flowchart.node_metadata import TaskNodeMetadata
    from kedro_viz.models.flowchart.nodes import GraphNode

    node = Node(partial(still_needed, where="anywhere"), inputs=None, outputs="mark", name="mark")
    shown = TaskNodeMetadata(task_node=GraphNode.create_task_node(node, node_id="mark", modular_pipelines=set()))
    assert shown.code


@still_needed("Sail 0.7.2; lakehouse/statistics.py keeps no statistics of floating-point columns")
def test_sail_reads_a_number_from_statistics_exactly(spark, tmp_path):
    exact = 21.864819999999998
    spark.createDataFrame([(1, exact)], "k int, x double").write.format("delta").save(f"{tmp_path}/table")
    assert spark.read.format("delta").load(f"{tmp_path}/table").toArrow()["x"][0].as_py() == exact


def test_no_workaround_names_another_version():
    for test in [each for each in globals().values() if hasattr(each, "pytestmark")]:
        library, release = test.pytestmark[0].kwargs["reason"].split(";")[0].split()
        assert version({"Sail": "pysail"}.get(library, library)) == release, test.__name__


READ_AND_END = "import sys; from deltalake import DeltaTable; DeltaTable(sys.argv[1]).to_pyarrow_dataset().to_table()"


@still_needed("deltalake 1.6.6; with pyarrow 25.0; lakehouse/listing.py::rows_where reads without threads")
def test_a_process_ends_well_after_threads_have_read_a_table(tmp_path):
    """About two of three such processes abort."""
    write_deltalake(tmp_path / "table", pa.table({"n": [1, 2, 3]}))
    for _ in range(30):
        command = [sys.executable, "-c", READ_AND_END, str(tmp_path / "table")]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
