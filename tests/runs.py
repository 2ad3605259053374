"""``kedro run`` in a separate process, which a test can watch, signal and wait for."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.conftest import PROJECT

__all__ = ["Run"]


class Run:
    """A started run of feature engineering.

    Args:
        data: the folder that PODIUM_DATA names.
        source: the source folder.
        env: the environment.
        as_of: the moment of the run.
        outputs: compute only these datasets and their inputs.
        variables: more environment variables.
    """

    def __init__(
        self,
        data: Path,
        source: Path,
        *,
        env: str,
        as_of: str,
        outputs: tuple[str, ...] = (),
        variables: dict[str, str] | None = None,
    ):
        command = [sys.executable, "-m", "kedro", "run", "--env", env, "--pipelines", "feature_engineering"]
        command += ["--params", f"as_of={as_of},flights.source={source}"]
        command += ["--to-outputs", ",".join(outputs)] if outputs else []
        clusters = ("SPARK_", "PYSPARK_", "PODIUM_SPARK_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(clusters)}
        # Make the console wider than any line, so that tests can search the output.
        kept |= {"PODIUM_DATA": str(data), "COLUMNS": "1000"}
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=kept | (variables or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def output(self) -> str:
        """The output so far."""
        return "".join(self._said)

    def until(self, text: str, *, seconds: float = 600) -> None:
        """Wait until a line contains the text."""
        deadline = time.monotonic() + seconds
        while True:
            line = self._next(deadline)
            assert line is not None, f"the run ended without printing {text!r}:\n{self.output}"
            if text in line:
                return

    def end(self, *, seconds: float = 600) -> int:
        """Wait until the run and its children have closed their output, and return the exit code."""
        deadline = time.monotonic() + seconds
        while self._next(deadline) is not None:
            pass
        return self._process.wait(timeout=max(deadline - time.monotonic(), 1))

    def signal(self, number: int) -> None:
        """Send a signal to the run alone, not to its children."""
        self._process.send_signal(number)

    def _next(self, deadline: float) -> str | None:
        try:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise AssertionError(f"the run took too long; its output:\n{self.output}") from None
        if line is not None:
            self._said.append(line)
        return line
