"""Two processes write to one table at the same time: no row is lost, none is there twice."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

WRITER = Path(__file__).with_name("writer.py")
ROUNDS = 6


class Writer:
    """A process of its own, with an engine of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, path: Path, mode: str, value: str, keys: list[int]) -> None:
        """Start a save; do not wait."""
        print(path, mode, value, *keys, file=self._process.stdin, flush=True)

    def answer(self) -> str:
        """Wait for the end of a save; nothing if the process died."""
        return self._process.stdout.readline().strip()

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0
        self._process.stdout.close()


@pytest.fixture(scope="module")
def writers() -> Iterator[list[Writer]]:
    """Two of them, ready."""
    both = [Writer(), Writer()]
    assert [writer.answer() for writer in both] == ["ready", "ready"]
    yield both
    for writer in both:
        writer.stop()


@pytest.mark.parametrize("mode", ["merge", "insert", "replace", "append"])
def test_two_writers_at_once(writers, tmp_path, stored, mode):
    """In each round both write keys of their own and the same new keys; in the first one, both also make the table.

    The window of replace is the keys themselves, so that there both write the same ones.
    """
    shared, own = set(), set()
    for n in range(ROUNDS):
        common = list(range(1000 * n, 1000 * n + 5))
        shared |= set(common)
        for place, writer in enumerate(writers, start=1):
            mine = [] if mode == "replace" else [1000 * n + 100 * place]
            own |= set(mine)
            writer.ask(tmp_path / "table", mode, f"writer{place}", [*common, *mine])
        assert [writer.answer() for writer in writers] == ["done", "done"]

    times = Counter(key for key, _ in stored())
    assert times == {**dict.fromkeys(shared, 2 if mode == "append" else 1), **dict.fromkeys(own, 1)}
