"""Two processes write to one table at the same time: no row is lost, none is there twice."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

WRITER = Path(__file__).with_name("writer.py")
ROUNDS = 6


class Writer:
    """A process of its own, with an engine of its own."""

    def __init__(self, path: Path, mode: str, name: str):
        command = [sys.executable, str(WRITER), str(path), mode, name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, keys: list[int]) -> None:
        """Start a save; do not wait."""
        print(*keys, file=self._process.stdin, flush=True)

    def answer(self) -> str:
        """Wait for the end of a save."""
        return self._process.stdout.readline().strip()

    def stop(self) -> int:
        """End the process, and its exit code."""
        self._process.stdin.close()
        return self._process.wait(timeout=60)


@pytest.mark.parametrize("mode", ["merge", "insert", "replace", "append"])
def test_two_writers_at_once(tmp_path, stored, mode):
    """In each round both write keys of their own and the same new keys; in the first one, both also make the table."""
    writers = [Writer(tmp_path / "table", mode, name) for name in ("one", "two")]
    assert [writer.answer() for writer in writers] == ["ready", "ready"]
    shared, own = set(), set()
    for n in range(ROUNDS):
        common = list(range(1000 * n, 1000 * n + 5))
        shared |= set(common)
        for place, writer in enumerate(writers, start=1):
            mine = 1000 * n + 100 * place
            own.add(mine)
            # The window of replace is the keys themselves; a window that both share stays the same for both.
            writer.ask(common if mode == "replace" else [*common, mine])
        assert [writer.answer() for writer in writers] == ["done", "done"]
    assert [writer.stop() for writer in writers] == [0, 0]

    times = Counter(key for key, _ in stored())
    assert all(times[key] == (2 if mode == "append" else 1) for key in shared)
    assert set(times) == (shared if mode == "replace" else shared | own)
    assert all(times[key] == 1 for key in own & set(times))
