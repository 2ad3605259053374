"""An MLflow server for the database and artifacts in an environment's folder, reachable from this machine only."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from podium.errors import PodiumError

from .tracking import ARTIFACTS, prepare, tracking_uri

__all__ = ["HOST", "serve"]

HOST = "127.0.0.1"
# Turn off MLflow's telemetry and background jobs. Only MLflow's features for language models need the jobs, which take
# more processes and more memory.
SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
# Seconds to wait until the server answers, and seconds to wait after SIGTERM before the server is killed.
START, STOP = 120, 10


def serve(folder: str, port: int, say: Callable[[str], None]) -> int:
    """Run the MLflow server until Ctrl-C or SIGTERM, then stop all processes of the server.

    Args:
        folder: the environment's local folder. MLflow's database is created there if it does not exist.
        port: where to listen, on the loopback interface only.
        say: called with the address once the server answers.

    Returns:
        The exit code: 0 when it was stopped.
    """
    _see_that_it_is_free(port)
    prepare(tracking_uri(None, folder))
    with _stopped_by_signals():
        # Start the server in a new process group, so that the server and its child processes can be stopped together.
        server = subprocess.Popen(_command(folder, port), env=os.environ | SETTINGS, start_new_session=True)
        try:
            _wait_for(server, port)
            say(f"http://{HOST}:{port}")
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(server)


def _command(folder: str, port: int) -> list[str]:
    database = tracking_uri(None, folder)
    # Don't let the server proxy artifacts. The URIs of artifacts are then plain paths, which clients can read whether
    # or not the server is running.
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", database, "--registry-store-uri", database),
        *("--default-artifact-root", str(Path(folder, ARTIFACTS)), "--no-serve-artifacts"),
        *("--uvicorn-opts", "--log-level warning"),
    ]


def _see_that_it_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as cause:
            raise PodiumError(
                f"Port {port} of {HOST} cannot be used: {cause.strerror}. "
                f"Choose another: make mlflow PORT={max(port, 5000) + 1}"
            ) from cause


def _wait_for(server: subprocess.Popen, port: int) -> None:
    until = time.monotonic() + START
    while server.poll() is None and time.monotonic() < until:
        try:
            with urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise PodiumError(
        "The MLflow server did not start. Look for the cause in its output above: for instance, another version of "
        "MLflow may have created the database."
    )


def _stop(server: subprocess.Popen) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, sign)
            server.wait(STOP)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
