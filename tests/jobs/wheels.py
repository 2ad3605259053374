"""The wheel, built and installed as others would, in an environment of its own."""

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
# What tests set, and what would lead the wheel back to the checkout.
FOREIGN = ("PODIUM", "KEDRO", "MLFLOW", "PYTHON", "SPARK", "PYSPARK")


def built(folder: Path) -> Path:
    """The wheel of a copy of the project whose configuration holds secrets, too."""
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
    """The wheel in an environment of its own.

    Attributes:
        bin: the folder of its commands.
        folder: where they are typed.
    """

    bin: Path
    folder: Path

    def podium(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The command, as a person types it."""
        return self._run("podium", arguments, variables)

    def python(self, code: str) -> str:
        """What a line of Python prints there."""
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
    """Installed by uv. The packages that it needs are those of the tests, but for the checkout among them."""
    uv = [sys.executable, "-m", "uv", "-q"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [*uv, "pip", "install", "--python", str(python), "--no-deps", "--compile-bytecode", str(wheel)]
    subprocess.run(install, check=True)
    (theirs,) = (folder / "venv").glob("lib/python*/site-packages")
    # A path alone: the .pth files in there, one of which names the checkout, are not followed.
    shared = next(path for path in sys.path if Path(path).name == "site-packages")
    (theirs / "shared.pth").write_text(f"{shared}\n")
    (folder / "empty").mkdir()
    return Installed(python.parent, folder / "empty")
