"""``make mlflow``, for real: a server over an environment's folder, runs through it, and nothing left when it stops."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.request import urlopen

import psutil
import pytest

from podium.registry.promotion import plan_promotion, promote
from podium.registry.versions import load_version
from tests.conftest import PROJECT
from tests.registry.homes import NAME, Home

# Bytes: two processes of MLflow, each with its libraries, and the one that watches them.
MOST = 0.9e9


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[Home, psutil.Process]]:
    """The MLflow of prod behind a server, and the process that keeps it."""
    data, port = tmp_path_factory.mktemp("served"), str(free_port())
    command = [sys.executable, "-m", "podium.cli.tracking_server", "--env", "prod", "--port", port]
    environment = os.environ | {"PODIUM_DATA": str(data), "PODIUM_HOME": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = [process.stdout.readline(), process.stdout.readline()]
            assert said[1].split()[:4] == ["MLflow", "of", "prod:", f"http://127.0.0.1:{port}"], said
            yield Home(data / "prod", "prod", f"http://127.0.0.1:{port}"), psutil.Process(process.pid)
        finally:
            process.terminate()


def test_it_serves_runs_models_and_a_promotion(served, staging: Home):
    home, process = served
    with urlopen(f"{home.server}/health", timeout=10) as answer:
        assert answer.status == 200
    assert home.live(seed=7) == "1"
    plan = plan_promotion(NAME, staging.place, home.place)
    assert promote(plan, lambda step: None) == "2"
    assert home.aliases == {"champion": "1", "challenger": "2"}
    # The same store without the server: the same versions, and the files are where it says.
    direct = Home(home.folder, "prod")
    assert direct.aliases == home.aliases
    direct.enter()
    assert load_version(NAME, "challenger").digest == plan.digest
    family = [process, *process.children(recursive=True)]
    assert len(family) == 3, "one worker, no runner of jobs"
    assert sum(member.memory_full_info().pss for member in family) < MOST  # pages that they share count once


def test_a_kedro_run_goes_through_it(served):
    home, _ = served
    candidate = home.train(seed=8)
    home.evaluate(candidate)
    environment = os.environ | {"PODIUM_DATA": str(home.folder.parent), "PODIUM_PROD_MLFLOW": home.server}
    command = [sys.executable, "-m", "kedro", "run", "--env", "prod", "--pipelines", "deployment"]
    ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    experiment = home.client.get_experiment_by_name("podium").experiment_id
    (run,) = home.client.search_runs([experiment], "tags.`podium.pipeline` = 'deployment'")
    # The example's features are not those of this small model: the gate holds.
    assert run.data.tags["podium.decision"] == "refused"
    number = run.data.tags["podium.version"]
    assert home.client.get_model_version(NAME, number).tags["podium.digest"] == candidate.digest


def test_a_taken_port_is_said(served):
    home, _ = served
    port = home.server.rpartition(":")[2]
    command = [sys.executable, "-m", "podium.cli.tracking_server", "--port", port]
    environment = os.environ | {"PODIUM_DATA": str(home.folder.parent), "PODIUM_HOME": str(PROJECT)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"Port {port} of 127.0.0.1 is taken" in answer.stderr
    assert not (home.folder.parent / "dev").exists()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_and_nothing_stays_behind(sign, tmp_path, tracking_store):
    (tmp_path / "dev").mkdir()
    shutil.copy(tracking_store, tmp_path / "dev")
    port = str(free_port())
    command = ["make", "--no-print-directory", "mlflow", f"PORT={port}"]
    environment = os.environ | {"PODIUM_DATA": str(tmp_path), "PODIUM_HOME": str(PROJECT)}
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, **quiet) as process:
        said = next(line for line in process.stdout if line.startswith("MLflow of dev"))
        assert f"http://127.0.0.1:{port}" in said
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 3
        os.killpg(process.pid, sign)
        process.wait(timeout=40)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
