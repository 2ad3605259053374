"""A cluster's refusals, failed starts, and files it must not touch. ``tests/cli/test_cluster.py`` starts a real one."""

import os
import socket
from pathlib import Path

import pytest

from podium.lakehouse import cluster, daemons, processes
from podium.lakehouse.cluster_status import status
from podium.lakehouse.daemons import Addresses, Size, environment, properties, settings
from podium.lakehouse.errors import LakehouseError


@pytest.fixture
def no_process_starts(monkeypatch: pytest.MonkeyPatch):
    def spawn(*arguments, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(processes, "spawn", spawn)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("no_process_starts")
def test_a_start_without_java_fails_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(LakehouseError, match="needs Java 17"):
        cluster.start(tmp_path / "cluster")
    assert not (tmp_path / "cluster").exists()


@pytest.mark.usefixtures("no_process_starts")
def test_a_start_without_the_jars_of_spark_names_databricks_connect(tmp_path, monkeypatch):
    """databricks-connect replaces pyspark by a package without jars."""
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "pyspark")
    with pytest.raises(LakehouseError, match="databricks-connect"):
        cluster.start(tmp_path / "cluster")


@pytest.mark.spark
@pytest.mark.usefixtures("no_process_starts")
@pytest.mark.parametrize("name", ["notes.txt", "conf/base.yml", "logs/mine.log", "work/worker-1/data"])
def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    with pytest.raises(LakehouseError, match=f"do not belong to a cluster, such as {file.name}"):
        cluster.start(tmp_path)
    assert cluster.stop(tmp_path) == 0
    assert contents(tmp_path) == {name: "mine"}


@pytest.mark.parametrize("text", ["{}", "not JSON", '{"version": 4, "resources": []}'])
def test_an_invalid_state_file_is_refused_and_nothing_is_removed(tmp_path, text):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yml").write_text("mine")
    (tmp_path / "state.json").write_text(text)
    for command in (cluster.state, cluster.stop, status):
        with pytest.raises(LakehouseError, match=r"state\.json does not describe a cluster"):
            command(tmp_path)
    assert contents(tmp_path) == {"conf/mine.yml": "mine", "state.json": text}


@pytest.mark.spark
def test_missing_jars_end_the_start_before_any_process_runs(tmp_path, monkeypatch):
    (tmp_path / "jars").mkdir()
    monkeypatch.setenv("PODIUM_JARS", str(tmp_path / "jars"))
    with pytest.raises(LakehouseError, match="which lacks"):
        cluster.start(tmp_path / "cluster")
    assert not (tmp_path / "cluster").exists()
    assert processes.marked(str(tmp_path / "cluster")) == []


@pytest.mark.spark
def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    """Another program takes the port of the master's web UI between the choice of ports and the start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        usual = Addresses.choose(lambda _: processes.free_port(0))
        monkeypatch.setattr(Addresses, "choose", lambda port_of: usual.model_copy(update={"ui_port": port}))
        with pytest.raises(LakehouseError) as refused:
            cluster.start(tmp_path / "cluster", timeout=120)
    message = str(refused.value)
    assert "master ended" in message
    assert "MasterUI" in message
    assert "\tat " not in message
    assert not (tmp_path / "cluster").exists()
    assert processes.marked(str(tmp_path / "cluster")) == []


@pytest.mark.spark
def test_a_start_removes_the_processes_of_a_killed_start_and_its_own_after_a_failure(tmp_path, monkeypatch):
    """In the second start, the master starts and the workers fail."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    left = processes.spawn(["sleep", "600"], mark=str(folder), env=dict(os.environ), cwd=folder, log=tmp_path / "log")
    killed = cluster.ClusterState(
        folder=folder,
        size=Size(),
        addresses=Addresses.choose(lambda port: port),
        daemons=(cluster.Daemon(role="master", pid=left),),
    )
    (folder / "state.json").write_text(killed.model_dump_json())
    assert (status(folder).running, status(folder).state) == (False, "degraded")
    monkeypatch.setattr(daemons, "worker", lambda *arguments: ["sh", "-c", "echo no room for a worker; exit 1"])
    said: list[str] = []
    with pytest.raises(LakehouseError, match=r"worker-\d ended. Its log ends with:\s+no room for a worker"):
        cluster.start(folder, timeout=120, say=said.append)
    assert [line.split()[0] for line in said] == ["master"]
    assert not processes.alive(left, str(folder))
    assert processes.marked(str(folder)) == []
    assert not folder.exists()


def test_stopping_a_cluster_that_was_never_started_is_a_no_op(tmp_path):
    assert cluster.state(tmp_path / "none") is None
    assert status(tmp_path / "none").state == "stopped"
    assert cluster.stop(tmp_path / "none") == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"cores": -1}, {"memory": "2 GB"}, {"memory": "0g"}, {"driver_memory": "lots"}]
)
def test_an_invalid_size_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Size(**wrong)


def test_variables_for_another_spark_are_not_passed_to_the_cluster(tmp_path, monkeypatch):
    for name in ("SPARK_REMOTE", "SPARK_MASTER", "SPARK_HOME", "SPARK_WORKER_CORES", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("SOMETHING", "else")
    env = environment(tmp_path / "spark", tmp_path)
    assert "elsewhere" not in env.values()
    assert env["SOMETHING"] == "else"
    assert os.environ["SPARK_REMOTE"] == "elsewhere"


def test_every_server_binds_to_loopback(tmp_path):
    values = settings(tmp_path, Addresses.choose(lambda port: port), Size(memory="3g", cores=2))
    assert values["spark.connect.grpc.binding.address"] == values["spark.driver.bindAddress"] == "127.0.0.1"
    assert (values["spark.executor.cores"], values["spark.executor.memory"]) == ("2", "3g")
    assert "spark.master spark://127.0.0.1:7077\n" in properties(values)
