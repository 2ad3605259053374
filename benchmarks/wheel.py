"""Measures what a cold start from the installed wheel costs, beside the same pipeline in a process that is warm.

    python benchmarks/wheel.py        # run and help
    python benchmarks/wheel.py help   # one: run, help

The wheel is built and installed into an environment of its own, in a folder that goes afterwards; the packages that it
needs are those of this environment, compiled (``make setup`` compiles them). Run it on a quiet machine.
"""

import os
import shutil
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
PAIRS = 3
# Two runs in one process, each from nothing: the first brings everything in, the second is the pipeline itself.
WARM = f"""
import os, sys
from time import perf_counter
from podium.home import use_logging
use_logging()
from kedro.framework.project import configure_project
from kedro.framework.session import KedroServiceSession
from podium.home import conf, home
configure_project("podium")
session = KedroServiceSession.create(project_path=home(), conf_source=conf(), env="dev")
for folder in ("first", "second"):
    os.environ["PODIUM_DATA"] = os.path.join(sys.argv[1], folder)
    start = perf_counter()
    session.run(pipeline_names=[{PIPELINE!r}], runtime_params={{"as_of": {AS_OF!r}}})
print(perf_counter() - start)
"""
FIGURES = Figures()


@FIGURES.add
def run() -> None:
    """One pipeline by ``podium run`` in an empty folder, less the same pipeline in a warm process."""
    with installed() as binaries:
        cold, warm = zip(*(pair(binaries) for _ in range(PAIRS)), strict=True)
    note(f"podium run --pipelines {PIPELINE}, cold, median of {PAIRS}", median(cold), "s")
    note(f"{PIPELINE} in a warm process, median of {PAIRS}", median(warm), "s")
    beyond = median(one - other for one, other in zip(cold, warm, strict=True))
    report("a cold run from the wheel, beyond the pipeline itself, median of pairs", beyond, "s", 6)


@FIGURES.add
def help() -> None:  # noqa: A001
    """``podium --help`` from the wheel."""
    with installed() as binaries, tempfile.TemporaryDirectory() as folder:
        took = [seconds([str(binaries / "podium"), "--help"], Path(folder)) for _ in range(11)]
    report("podium --help, median of 11", median(took), "s", 0.5)


def pair(binaries: Path) -> tuple[float, float]:
    """Seconds of a cold run, then of a warm one."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(binaries / "podium"), "run", "--pipelines", PIPELINE, "--params", f"as_of={AS_OF}"]
        cold = seconds(command, Path(folder))
        shutil.rmtree(Path(folder) / "data")
        command = [str(binaries / "python"), "-c", WARM, folder]
        done = subprocess.run(command, cwd=folder, env=plain(), check=True, capture_output=True, text=True)
    return cold, float(done.stdout.splitlines()[-1])


def seconds(command: list[str], folder: Path) -> float:
    """How long a command takes."""
    start = perf_counter()
    subprocess.run(command, cwd=folder, env=plain(), check=True, capture_output=True)
    return perf_counter() - start


def plain() -> Mapping[str, str]:
    """The environment, without what would lead the wheel to another project."""
    foreign = ("PODIUM", "KEDRO", "MLFLOW", "PYTHON", "SPARK")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "PYTHONDONTWRITEBYTECODE": "1"
    }


@contextmanager
def installed() -> Iterator[Path]:
    """The commands of an environment with the wheel."""
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
