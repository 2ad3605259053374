"""An engine that cannot start raises one error that names the engine, the cause and the fix, without a fallback."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.errors import PodiumError
from podium.hooks import engine_settings
from podium.lakehouse.engines import EngineSettings
from podium.lakehouse.engines.connect import Connect
from podium.lakehouse.engines.jars import packages
from podium.lakehouse.engines.spark import Spark
from podium.lakehouse.errors import LakehouseError
from tests.runs import Run

CLOSED_PORT = "127.0.0.1:1"


def start_spark(log: Path, master: str = "local[1]", **config: str) -> None:
    Spark(EngineSettings(engine="spark", master=master, config=config, log=str(log / "spark.log"))).start()


def start_connect(address: str) -> None:
    Connect(EngineSettings(engine="connect", remote=address)).start()


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty JAVA_HOME."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return tmp_path


def test_a_missing_connect_server_is_named():
    with pytest.raises(
        LakehouseError, match=rf"No Spark Connect server answers at sc://{CLOSED_PORT}\. Check .* SPARK_REMOTE"
    ):
        start_connect(f"sc://{CLOSED_PORT}/;token=secret")


def test_a_token_is_not_shown():
    with pytest.raises(LakehouseError) as refused:
        start_connect(f"sc://{CLOSED_PORT}/;token=secret")
    assert "secret" not in str(refused.value)


@pytest.mark.spark
def test_a_missing_master_is_named(tmp_path):
    with pytest.raises(
        LakehouseError, match=rf"No Spark master answers at spark://{CLOSED_PORT}\. Check .* PODIUM_SPARK_MASTER"
    ):
        start_spark(tmp_path, f"spark://{CLOSED_PORT}")


def test_a_missing_java_is_reported(no_java):
    with pytest.raises(LakehouseError, match=r"Spark needs Java 17 or later, and there is none in JAVA_HOME"):
        start_spark(no_java)


def test_an_old_java_is_refused(no_java):
    java = no_java / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)

    with pytest.raises(
        LakehouseError, match=r'Spark needs Java 17 or later, but .*/java reports: openjdk version "11\.0\.2"'
    ):
        start_spark(no_java)


@pytest.mark.spark
def test_a_jar_folder_without_a_required_jar_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PODIUM_JARS", str(tmp_path))
    name, version = packages()[0].split(":")[1:]

    with pytest.raises(
        LakehouseError, match=rf"PODIUM_JARS names .*, which lacks {name}-{version}\.jar\. It must hold"
    ):
        start_spark(tmp_path)


@pytest.mark.spark
def test_a_driver_that_does_not_start_shows_the_end_of_its_log(tmp_path):
    with pytest.raises(LakehouseError, match=r"(?s)Spark did not start on local\[1\]\. Its log .* ends with:.*-Xmx1x"):
        start_spark(tmp_path, **{"spark.driver.memory": "1x"})


@pytest.fixture(scope="module")
def bare_server(spark) -> Iterator[str]:
    """A Spark Connect server without Delta's settings. It is Sail's server, because that starts fast."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start()
    yield "sc://{}:{}".format(*server.listening_address)
    server.stop()


def test_a_server_without_delta_is_refused(bare_server):
    with pytest.raises(
        LakehouseError, match=rf"at {bare_server} has no Delta. Start it with --packages {packages()[0]}"
    ):
        start_connect(bare_server)


def test_a_server_of_another_spark_version_is_refused(bare_server, monkeypatch):
    monkeypatch.setattr("pyspark.sql.connect.session.SparkSession.version", "3.9.1")

    with pytest.raises(
        LakehouseError, match=rf"at {bare_server} runs Spark 3\.9\.1, but Podium needs 4\..* Use a server with Spark 4"
    ):
        start_connect(bare_server)


WRONG = {
    "an engine that there is not": ({"engine": "sparc"}, "engine: 'sparc' (did you mean 'spark'?); write sail, spark"),
    "a key that there is not": (
        {"engine": "sail", "mastre": "local"},
        "mastre: there is no such key (did you mean 'master'?)",
    ),
    "no master": ({"engine": "spark"}, "the engine 'spark' needs master"),
    "no remote": ({"engine": "connect"}, "the engine 'connect' needs remote"),
    "two clusters": (
        {"engine": "cluster", "master": "spark://a:7077", "remote": "sc://b:15002"},
        "two clusters are named, sc://b:15002 and spark://a:7077; unset SPARK_REMOTE or PODIUM_SPARK_MASTER",
    ),
    "a remote that is a master": ({"engine": "cluster", "remote": "spark://a:7077"}, "is not a Spark Connect address"),
    "a master that is a remote": ({"engine": "cluster", "master": "sc://a:15002"}, "is a Spark Connect address"),
    "a master for Sail": ({"engine": "sail", "master": "local[2]"}, "the engine 'sail' takes no master"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_invalid_spark_yml_is_refused(what):
    raw, message = WRONG[what]

    with pytest.raises(PodiumError, match=r"^spark\.yml of prod is invalid, nothing was run:") as refused:
        engine_settings(raw, "prod")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "address", "message"),
    [
        ("SPARK_REMOTE", f"sc://{CLOSED_PORT}", f"No Spark Connect server answers at sc://{CLOSED_PORT}."),
        ("PODIUM_SPARK_MASTER", f"sc://{CLOSED_PORT}", "spark.yml of prod is invalid, nothing was run:"),
    ],
)
def test_a_run_without_its_cluster_fails_with_a_single_error(new_project, slice_of_march, variable, address, message):
    project = new_project(slice_of_march, env="prod")

    run = Run(project.data, project.source, env="prod", as_of="2013-03-10", variables={variable: address})

    assert run.end() == 1
    errors = [line for line in run.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, run.output
    assert message in errors[0]
    assert "Traceback" not in run.output
    assert "NO CLUSTER IS NAMED" not in run.output
    assert not list(project.lake.glob("*/*/_delta_log"))
