"""``make mlflow`` with a real server: it serves an environment's folder, accepts runs, and ends all its processes."""

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

# Upper bound in bytes for two MLflow processes, each with its libraries, and the process that supervises them.
MAX_MEMORY = 0.9e9


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[Home, psutil.Process]]:
    """The MLflow of prod behind a server, and the server's process."""
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


def test_the_server_handles_runs_models_and_a_promotion(served, staging: Home):
    home, process = served
    with urlopen(f"{home.server}/health", timeout=10) as answer:
        assert answer.status == 200
    assert home.live(seed=7) == "1"
    plan = plan_promotion(NAME, staging.place, home.place)
    assert promote(plan, lambda step: None) == "2"
    assert home.aliases == {"champion": "1", "challenger": "2"}
    # Without the server, the same store has the same versions and files.
    direct = Home(home.folder, "prod")
    assert direct.aliases == home.aliases
    direct.enter()
    assert load_version(NAME, "challenger").digest == plan.digest
    family = [process, *process.children(recursive=True)]
    assert len(family) == 3, "MLflow must start one worker and no job runner"
    assert sum(member.memory_full_info().pss for member in family) < MAX_MEMORY  # PSS counts shared pages once


def test_a_kedro_run_uses_the_server(served):
    home, _ = served
    candidate = home.train(seed=8)
    home.evaluate(candidate)
    environment = os.environ | {"PODIUM_DATA": str(home.folder.parent), "PODIUM_PROD_MLFLOW": home.server}
    command = [sys.executable, "-m", "kedro", "run", "--env", "prod", "--pipelines", "deployment"]
    ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    experiment = home.client.get_experiment_by_name("podium").experiment_id
    (run,) = home.client.search_runs([experiment], "tags.`podium.pipeline` = 'deployment'")
    # The gate refuses the model, because its features are not those of the problem.
    assert run.data.tags["podium.decision"] == "refused"
    number = run.data.tags["podium.version"]
    assert home.client.get_model_version(NAME, number).tags["podium.digest"] == candidate.digest


def test_a_taken_port_is_reported(served):
    home, _ = served
    port = home.server.rpartition(":")[2]
    command = [sys.executable, "-m", "podium.cli.tracking_server", "--port", port]
    environment = os.environ | {"PODIUM_DATA": str(home.folder.parent), "PODIUM_HOME": str(PROJECT)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use" in answer.stderr
    assert not (home.folder.parent / "dev").exists()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_every_process_of_the_server(sign, tmp_path, tracking_store):
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
