"""Measure a command: its time, and the memory of its processes."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

GIB = 2**30
EVERY = 0.25
# Skip processes younger than this (seconds): between fork and exec, a child of Java shows all of Java's memory.
GROWN_UP = 1.0
# Variables that would send the run to another cluster, store or server.
ELSEWHERE = ("SPARK_REMOTE", "PODIUM_PROD_ROOT", "PODIUM_PROD_FILES", "PODIUM_PROD_MLFLOW")


@dataclass
class Taken:
    """A command's seconds, and the peak memory of its processes (RSS, in GiB).

    ``tree`` is the peak of the command with its descendants, ``by_name`` that of each kind of process. Shared pages
    count once per process, so the true figure is lower.
    """

    seconds: float = 0.0
    tree: float = 0.0
    by_name: dict[str, float] = field(default_factory=dict)


def variables(data: Path, master: str = "") -> dict[str, str]:
    """The environment variables of a command that keeps its data in ``data`` and uses this Spark master."""
    here = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return here | {"PODIUM_DATA": str(data), "PODIUM_SPARK_MASTER": master, "PYTHONUNBUFFERED": "1"}


def measured(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], folder: Path) -> Taken:
    """Run a command, append its output to ``log``, and exit with its last lines if it fails."""
    taken, start = Taken(), time.perf_counter()
    with log.open("ab") as sink:
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=env, cwd=folder)
        process = psutil.Process(child.pid)
        try:
            while child.poll() is None:
                _look(process, taken)
                time.sleep(EVERY)
        finally:
            child.terminate()
            child.wait()
    taken.seconds = time.perf_counter() - start
    if child.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{end}")
    return taken


def _look(process: psutil.Process, taken: Taken) -> None:
    held: dict[str, float] = {}
    with suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if time.time() - each.create_time() < GROWN_UP:
                    continue
                name = "command" if each.pid == process.pid else each.name()
                held[name] = held.get(name, 0.0) + each.memory_info().rss / GIB
    taken.tree = max(taken.tree, sum(held.values()))
    for name, size in held.items():
        taken.by_name[name] = max(taken.by_name.get(name, 0.0), size)
