"""Tables are correct even if parts of a cluster are killed during a run, or two runs write the same tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from podium.domains.flights import DOMAIN
from podium.lakehouse import daemons, engine, processes
from podium.lakehouse.cluster_master import registered
from tests.bits import assert_same_rows, table_keys
from tests.conftest import Project
from tests.engines.conftest import AS_OF
from tests.runs import Run

if TYPE_CHECKING:
    from podium.lakehouse.cluster_state import ClusterState

TABLES = table_keys(DOMAIN)
# The prefix of a run's log line for each feature table, and some tables that are fast to compute.
REFRESHED = "feature_engineering.flights.refresh_"
FEW = ("timetable_load", "weather")


def assert_right(project: Project, on_sail: Project, names) -> None:
    """Assert that the tables equal those of an undisturbed run on Sail."""
    for name in names:
        try:
            assert_same_rows(on_sail.table(name), project.table(name), keys=TABLES[name])
        except AssertionError as different:
            raise AssertionError(f"{name}: {different}") from None


@pytest.fixture
def with_bronze(new_project, on_sail) -> Project:
    """A prod project with bronze tables that Sail ingested, and no features."""
    project = new_project(on_sail.source, env="prod")
    shutil.copytree(on_sail.lake, project.lake, ignore=shutil.ignore_patterns("features"))
    return project


@pytest.fixture
def on_cluster(with_bronze, local_cluster) -> Callable[..., Run]:
    """Return a function that starts a run of feature engineering on the cluster."""

    def start(tables: tuple[str, ...] = ()) -> Run:
        return Run(
            with_bronze.data,
            with_bronze.source,
            env="prod",
            as_of=AS_OF,
            outputs=tuple(f"flights.features_{name}" for name in tables),
            variables={"SPARK_REMOTE": local_cluster.addresses.connect},
        )

    return start


def cluster_processes(cluster: ClusterState, sign: str) -> list[psutil.Process]:
    """The cluster's processes whose command or folder contains ``sign``, including those started later."""
    found = []
    for process in processes.marked(cluster.mark):
        try:
            if sign in " ".join([*process.cmdline(), process.cwd()]):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill(victims: list[psutil.Process]) -> None:
    assert victims
    for process in victims:
        process.kill()


def spawn(cluster: ClusterState, role: str, command: list[str]) -> int:
    """Restart one process of the cluster."""
    work = cluster.folder / "work" / role
    env = daemons.environment(daemons.spark_home(), cluster.folder, heap=cluster.size.driver_memory)
    return processes.spawn(command, mark=cluster.mark, env=env, cwd=work, log=cluster.log(role))


def restart_worker(cluster: ClusterState, role: str) -> None:
    work = cluster.folder / "work" / role
    spawn(cluster, role, daemons.worker(daemons.spark_home(), cluster.addresses, cluster.size, work))
    assert processes.wait(lambda: registered(cluster.addresses) >= cluster.size.workers, 120)


def restart_server(cluster: ClusterState) -> None:
    pid = spawn(cluster, "connect", daemons.connect(daemons.spark_home()))
    assert processes.wait(lambda: processes.listens(pid, cluster.addresses.connect_port), 120)
    # Close the clients of the tests' sessions on the server that was killed.
    for settings, session in engine._sessions.items():
        if cluster.addresses.connect in settings:
            session.client.close()


@pytest.mark.faults
@pytest.mark.spark
def test_a_run_completes_if_a_worker_is_killed(on_cluster, with_bronze, on_sail, local_cluster):
    """The worker's executor and Python processes are killed too."""
    run = on_cluster(())
    run.until(REFRESHED)
    executors = cluster_processes(local_cluster, "CoarseGrainedExecutorBackend")
    role = Path(executors[0].cwd()).relative_to(local_cluster.folder / "work").parts[0]
    kill(cluster_processes(local_cluster, f"work/{role}"))

    assert run.end() == 0, run.output

    assert_right(with_bronze, on_sail, TABLES)
    restart_worker(local_cluster, role)


@pytest.mark.faults
@pytest.mark.spark
def test_a_run_reports_that_the_connect_server_was_killed(on_cluster, with_bronze, on_sail, local_cluster):
    run = on_cluster(FEW)
    run.until(REFRESHED)
    kill(cluster_processes(local_cluster, "SparkConnectServer"))
    killed = time.monotonic()

    code = run.end()

    assert time.monotonic() - killed < 60
    where = local_cluster.addresses.connect
    assert code == 1
    assert run.output.count(f"The Spark Connect server at {where} stopped answering.") == 1, run.output

    restart_server(local_cluster)
    again = on_cluster(FEW)
    assert again.end() == 0, again.output
    assert_right(with_bronze, on_sail, [f"features/{name}" for name in FEW])


DRIVER = """
import sys, psutil
from podium.lakehouse import engine
engine.configure(engine.EngineSettings(engine="spark", master="local[1]", log=sys.argv[1]))
engine.session().range(3).count()
from pyspark import SparkContext
from py4j.protocol import Py4JError
java = SparkContext._gateway.proc
if sys.argv[2] == "killed":
    for process in [*psutil.Process(java.pid).children(recursive=True), java]:
        process.kill()
else:
    try:
        SparkContext._gateway.new_array(SparkContext._jvm.long, 2**30)  # of 8 bytes
    except (Py4JError, ConnectionError):
        pass
java.wait(timeout=60)
print(engine.trouble())
engine.stop()
print(engine.session().range(3).count(), engine.trouble())
"""


@pytest.mark.faults
@pytest.mark.spark
@pytest.mark.parametrize(
    ("end", "said"),
    [("killed", "has ended."), ("full", "ran out of memory. Give it more with spark.driver.memory.")],
)
def test_a_new_driver_can_start_after_the_driver_died(tmp_path, end, said):
    """Runs in a separate process, because a process can have only one driver."""
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "spark.log"), end]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"The Spark driver on local[1] {said}", "3 None"]


def check_two_concurrent_runs(project: Project, on_sail: Project) -> None:
    """Assert that each of two concurrent full runs completes or reports a lost race, and that the tables are right."""
    runs = [Run(project.data, project.source, env=project.env, as_of=AS_OF) for _ in range(2)]
    codes = [run.end() for run in runs]

    assert 0 in codes, "\n".join(run.output for run in runs)
    for code, run in zip(codes, runs, strict=True):
        assert code == 0 or "other writers committed first" in run.output, run.output
    assert_right(project, on_sail, TABLES)


def test_two_concurrent_runs_leave_correct_tables(new_project, on_sail):
    check_two_concurrent_runs(new_project(on_sail.source), on_sail)


@pytest.mark.faults
@pytest.mark.parametrize("env", ["dev", pytest.param("prod", marks=pytest.mark.spark)])
@pytest.mark.parametrize("turn", range(3))
def test_repeated_concurrent_runs_leave_correct_tables(new_project, on_sail, env, turn):
    check_two_concurrent_runs(new_project(on_sail.source, env=env), on_sail)
