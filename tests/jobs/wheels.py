"""Build the wheel, and install it into a new environment as a user does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PROJECT

__all__ = ["Installed", "built", "installed"]

SOURCES = ("pyproject.toml", "README.md", ".gitignore")
SECRETS = ("local/credentials.yml", "local/globals.yml", "prod/credentials.yml", "base/deeper/credentials_of_mine.yml")
# Prefixes of environment variables that the tests set, or that point the wheel to the checkout.
FOREIGN = ("PODIUM", "KEDRO", "MLFLOW", "PYTHON", "SPARK", "PYSPARK")


def built(folder: Path) -> Path:
    """Build the wheel of a copy of the project whose configuration contains secrets."""
    project = folder / "project"
    for name in ("src", "conf"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(PROJECT / name, project)
    for name in SECRETS:
        (project / "conf" / name).parent.mkdir(exist_ok=True)
        (project / "conf" / name).write_text("key: of a user\n")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Installed:
    """The wheel in its own environment.

    Attributes:
        bin: the folder of the installed commands.
        folder: the working folder in which they run.
    """

    bin: Path
    folder: Path

    def podium(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return self._run("podium", arguments, variables)

    def python(self, code: str) -> str:
        """Run a line of Python in the environment and return its output."""
        done = self._run("python", ("-c", code), {})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(
        self, name: str, arguments: tuple[str, ...], variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        command = [str(self.bin / name), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=kept | variables, capture_output=True, text=True, check=False
        )


def installed(wheel: Path, folder: Path) -> Installed:
    """Install the wheel with uv. It shares the dependencies of the test environment, but not the checkout."""
    uv = [sys.executable, "-m", "uv", "-q"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [*uv, "pip", "install", "--python", str(python), "--no-deps", "--compile-bytecode", str(wheel)]
    subprocess.run(install, check=True)
    (theirs,) = (folder / "venv").glob("lib/python*/site-packages")
    # Share the packages by a .pth file. Python ignores .pth files in that path, one of which names the checkout.
    shared = next(path for path in sys.path if Path(path).name == "site-packages")
    (theirs / "shared.pth").write_text(f"{shared}\n")
    (folder / "empty").mkdir()
    return Installed(python.parent, folder / "empty")
