"""A separate process with its own engine that writes to tables on command.

``Writer`` starts the process with the engine's settings as JSON. Each line of its input is a save: the table's path,
the mode, the value and the keys. The process answers each save with a line.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows

__all__ = ["Writer", "save"]


class Writer:
    """The interface of a test to the process."""

    def __init__(self, settings: engine.EngineSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.writer", settings.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            # Remove the variable that the engine of the tests has set in this process.
            env={name: value for name, value in os.environ.items() if name != engine.CONNECT_MODE},
        )

    def ask(self, path: Path | str, mode: str, value: str, keys: list[int]) -> None:
        """Start a save without waiting for its end."""
        print(path, mode, value, *keys, file=self._process.stdin, flush=True)

    def answer(self) -> str:
        """Wait for the answer to a save. It is empty if the process died."""
        return self._process.stdout.readline().strip()

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0
        self._process.stdout.close()


def save(path: str, mode: str, value: str, keys: Iterable[str]) -> None:
    """Save ``value`` under each key, in the current process."""
    frame = engine.session().createDataFrame([(int(key), value) for key in keys], "k int, v string")
    dataset = DeltaDataset(path=path, zone="bronze", mode=mode, keys=["k"], attempts=20)
    dataset.save(Rows(frame=frame, window=f"k IN ({', '.join(keys)})"))


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    engine.configure(engine.EngineSettings.model_validate_json(sys.argv[1]))
    engine.session().range(1).collect()
    say("ready")
    for line in sys.stdin:
        path, mode, value, *keys = line.split()
        save(path, mode, value, keys)
        say("done")


if __name__ == "__main__":
    main()
