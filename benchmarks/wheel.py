"""Measure the overhead of a cold run from the installed wheel, beyond the pipeline itself.

    python benchmarks/wheel.py        # run and help
    python benchmarks/wheel.py help   # one: run, help

The wheel is built and installed into a temporary environment, which uses the compiled packages of this one (``make
setup`` compiles them). The overhead is the time before the first node starts and after the last one ends. Run it on a
quiet machine.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from _report import Figures, note, report

PROJECT = Path(__file__).parents[1]
PIPELINE, AS_OF = "feature_engineering", "2013-01-03"
RUNS = 5
# The log line at the end of a node, with its seconds.
ENDED = re.compile(r" (\d+\.\d+) s  ")
FIGURES = Figures()


@FIGURES.add
def run() -> None:
    """One pipeline by ``podium run`` in an empty folder."""
    with installed() as binaries:
        whole, beyond = zip(*(cold(binaries) for _ in range(RUNS)), strict=True)
    note(f"podium run --pipelines {PIPELINE}, cold, median of {RUNS}", median(whole), "s")
    report(f"of that, beyond the pipeline itself, median of {RUNS}", median(beyond), "s", 6)


@FIGURES.add
def help() -> None:  # noqa: A001
    """``podium --help`` from the wheel."""
    with installed() as binaries, tempfile.TemporaryDirectory() as folder:
        took = [seconds([str(binaries / "podium"), "--help"], Path(folder)) for _ in range(11)]
    report("podium --help, median of 11", median(took), "s", 0.5)


def cold(binaries: Path) -> tuple[float, float]:
    """Seconds of a run, and those of them before its first node and after its last one."""
    command = [str(binaries / "podium"), "run", "--pipelines", PIPELINE, "--params", f"as_of={AS_OF}"]
    ended: list[tuple[float, float]] = []
    start = perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=folder, env=plain(), stderr=subprocess.PIPE, text=True) as child,
    ):
        heard = ((perf_counter() - start, ENDED.search(line)) for line in child.stderr or ())
        ended += ((moment, float(took[1])) for moment, took in heard if took)
        assert child.wait() == 0
        whole = perf_counter() - start
    return whole, whole - (ended[-1][0] - (ended[0][0] - ended[0][1]))


def seconds(command: list[str], folder: Path) -> float:
    """Run a command and return its seconds."""
    start = perf_counter()
    subprocess.run(command, cwd=folder, env=plain(), check=True, capture_output=True)
    return perf_counter() - start


def plain() -> Mapping[str, str]:
    """The environment variables, without those that would point the wheel to another project."""
    foreign = ("PODIUM", "KEDRO", "MLFLOW", "PYTHON", "SPARK")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "PYTHONDONTWRITEBYTECODE": "1"
    }


@contextmanager
def installed() -> Iterator[Path]:
    """Yield the folder of commands of a temporary environment with the wheel."""
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), sys.executable
        build = [python, "-m", "hatchling", "build", "-t", "wheel", "-d", name]
        subprocess.run(build, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        uv = [python, "-m", "uv", "-q"]
        subprocess.run([*uv, "venv", "--python", python, str(folder / "venv")], check=True)
        own, (wheel,) = folder / "venv" / "bin" / "python", folder.glob("*.whl")
        install = ["pip", "install", "--python", str(own), "--no-deps", "--compile-bytecode", str(wheel)]
        subprocess.run([*uv, *install], check=True)
        (theirs,) = (folder / "venv").glob("lib/python*/site-packages")
        shared = next(path for path in sys.path if Path(path).name == "site-packages")
        (theirs / "shared.pth").write_text(f"{shared}\n")
        yield own.parent


if __name__ == "__main__":
    FIGURES.run(__doc__)
