"""One cluster: started, inspected, used, damaged, stopped. The tests depend on this order."""

import json
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from podium.lakehouse import cluster, processes
from tests.cli.conftest import run
from tests.conftest import PROJECT
from tests.docs.pages import blocks

pytestmark = pytest.mark.spark

PAGE = PROJECT / "docs" / "how-to" / "cluster.md"
# In seconds. Far more than an idle machine needs, because the rest of the suite runs at the same time.
PATIENCE = 120


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    """A data folder whose cluster runs until the tests of this module end. Its name contains spaces."""
    folder = tmp_path_factory.mktemp("a data folder")
    yield folder
    cluster.stop(folder / "cluster")


@pytest.fixture(scope="module")
def started(data: Path):
    """The result of ``podium cluster start``."""
    answer = run(data, "cluster", "start", "--memory", "1g", "--driver-memory", "1g", "--timeout", "300")
    assert answer.exit_code == 0, answer.output
    return answer


@pytest.fixture(scope="module")
def state(data: Path, started) -> cluster.ClusterState:
    found = cluster.state(data / "cluster")
    assert found is not None
    return found


def status(data: Path) -> dict:
    answer = run(data, "cluster", "status", "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == (0 if found["running"] else 3)
    return found


def dead(found: dict) -> list[str]:
    return [each["role"] for each in found["processes"] if not each["alive"]]


def test_start_shows_progress_and_the_next_commands(started, state):
    assert state.addresses.master in started.stderr
    assert "2 workers, 1 core and 1g each" in started.stderr
    assert f"export SPARK_REMOTE={state.addresses.connect}" in started.stdout
    assert f"export PODIUM_SPARK_MASTER={state.addresses.master}" in started.stdout
    assert "kedro run --env prod" in started.stdout


def test_status_agrees_with_the_master(data, state):
    found = status(data)
    assert (found["running"], found["state"], found["trouble"]) == (True, "running", [])
    assert found["master"] == state.addresses.master
    assert found["connect"] == state.addresses.connect
    assert [(each["cores"], each["memory"], each["state"]) for each in found["workers"]] == [(1, 1024, "ALIVE")] * 2
    assert {each["host"] for each in found["workers"]} == {"127.0.0.1"}
    assert [each["role"] for each in found["processes"]] == ["master", "worker-1", "worker-2", "connect"]
    assert all(psutil.Process(each["pid"]).is_running() and each["alive"] for each in found["processes"])
    (application,) = found["applications"]
    assert application["name"] == "podium-connect"
    assert application["started"].endswith("+00:00")


def test_the_connect_server_has_the_requested_memory_and_exits_when_it_runs_out(state):
    command = psutil.Process(state.pid("connect")).cmdline()
    assert [word for word in command if word.startswith("-Xmx")] == ["-Xmx1g"]
    assert "-XX:+ExitOnOutOfMemoryError" in command


def test_the_cluster_listens_on_localhost_only(state):
    listening = [
        each.laddr
        for process in processes.marked(state.mark)
        for each in process.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    ]
    assert state.addresses.connect_port in {each.port for each in listening}
    assert {each.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}


def test_a_second_start_is_a_no_op(data, state):
    again = run(data, "cluster", "start", "--workers", "3")
    assert again.exit_code == 0
    assert "is already running in" in again.stderr
    assert "To get 3 workers" in again.stderr
    assert state.addresses.connect in again.stdout
    assert cluster.state(data / "cluster") == state


def test_status_shows_the_work_of_a_client(data, state):
    """``tests/engines`` tests that clients can write Delta and run Python on such a cluster."""
    from pyspark.sql import SparkSession

    client = SparkSession.builder.remote(state.addresses.connect).create()
    try:
        assert client.range(1000).agg({"id": "sum"}).first()[0] == 499_500
    finally:
        client.stop()
    (application,) = status(data)["applications"]
    assert (application["state"], application["cores"]) == ("RUNNING", 2)


def test_plain_status_lists_workers_and_applications(data, state):
    shown = run(data, "cluster", "status")
    assert shown.exit_code == 0
    assert shown.stdout.count("ALIVE") == 2
    assert re.search(r"podium-connect +RUNNING", shown.stdout)
    assert state.addresses.connect in shown.stdout


def test_the_status_commands_of_the_how_to_page_run(data, state):
    lines = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    looking = [line for line in lines if "cluster status" in line and "--folder" not in line]
    assert looking
    for line in looking:
        assert run(data, *line.split()[1:]).exit_code == 0


@pytest.mark.faults
def test_an_idle_application_releases_its_workers(data, state):
    """Without this, other applications wait forever: Delta caches table state on executors, which Spark then keeps."""
    assert processes.wait(lambda: status(data)["applications"][0]["cores"] == 0, PATIENCE)


def test_status_names_a_dead_worker(data, state):
    os.kill(state.pid("worker-2"), signal.SIGKILL)
    # The master can count the worker as lost while its process is still ending: the system closes a killed process's
    # connections first.
    assert processes.wait(lambda: dead(status(data)) == ["worker-2"], PATIENCE)
    found = status(data)
    assert found["state"] == "degraded"
    assert any("worker-2" in each and str(state.log("worker-2")) in each for each in found["trouble"])
    assert processes.wait(lambda: "DEAD" in {each["state"] for each in status(data)["workers"]}, 30)
    shown = run(data, "cluster", "status")
    assert shown.exit_code == 3
    assert "worker-2" in shown.stdout


def test_start_reports_a_dead_process(data, state):
    answer = run(data, "cluster", "start")
    assert answer.exit_code == 1
    assert "have ended: worker-2" in answer.stderr
    assert "podium cluster stop" in answer.stderr


def test_status_names_a_dead_master(data, state):
    os.kill(state.pid("master"), signal.SIGKILL)
    assert processes.wait(lambda: "master" in dead(status(data)), PATIENCE)
    found = status(data)
    assert any(each.startswith("master") for each in found["trouble"])
    assert found["workers"] == []


def test_stop_with_keep_logs_leaves_only_the_logs(data, state):
    pids = [each.pid for each in processes.marked(state.mark)]
    assert pids
    answer = run(data, "cluster", "stop", "--keep-logs")
    assert answer.exit_code == 0
    # The master is dead, so an executor may end by itself between the count and the stop.
    stopped = re.match(r"Stopped: (\d+) process", answer.stdout)
    assert 0 < int(stopped[1]) <= len(pids)
    assert processes.marked(state.mark) == []
    left = {str(path.relative_to(data / "cluster")) for path in (data / "cluster").rglob("*") if path.is_file()}
    assert {"logs/master.log", "logs/worker-1.log", "logs/connect.log"} <= left
    assert any(re.fullmatch(r"logs/worker-\d\.app-[\d-]+\.\d+\.stderr", each) for each in left)
    assert {path.name for path in (data / "cluster").iterdir()} == {"logs"}


def test_stop_without_a_cluster_says_so(data):
    answer = run(data, "cluster", "stop")
    assert answer.exit_code == 0
    assert "No cluster is running" in answer.stdout
    assert status(data)["state"] == "stopped"
    assert run(data, "cluster", "status").exit_code == 3
