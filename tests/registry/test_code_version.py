"""A run records the commit of Podium's own files, or no commit."""

import subprocess
from pathlib import Path

import pytest

from podium.registry.runs import commit_of


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", "-C", str(folder), *who, *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that tracks a package and its configuration, and ignores its .venv."""
    for name, text in {
        "src/podium/__init__.py": "",
        "conf/base/spark.yml": "engine: sail",
        ".gitignore": ".venv",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_checkout_has_its_commit(checkout: Path) -> None:
    found = commit_of(checkout / "src" / "podium", checkout / "conf")
    assert found == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": "false"}


@pytest.mark.parametrize("name", ["src/podium/__init__.py", "conf/base/spark.yml"])
def test_changed_code_or_configuration_is_dirty(name: str, checkout: Path) -> None:
    (checkout / name).write_text("changed")
    assert commit_of(checkout / "src" / "podium", checkout / "conf")["dirty"] == "true"


@pytest.mark.parametrize("other", ["ignored", "in another repository"])
def test_a_configuration_that_is_not_tracked_is_dirty(other: str, checkout: Path) -> None:
    configuration = checkout / ".venv" / "conf"
    configuration.mkdir(parents=True)
    (configuration / "spark.yml").touch()
    if other != "ignored":
        git(configuration, "init", "-q")
        git(configuration, "add", "-A")
        git(configuration, "commit", "-qm", "first")
    assert commit_of(checkout / "src" / "podium", configuration)["dirty"] == "true"


def test_a_package_in_the_venv_of_another_repository_has_no_commit(checkout: Path) -> None:
    installed = checkout / ".venv" / "lib" / "podium"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert commit_of(installed, checkout / "conf") == {}


def test_a_package_outside_of_any_repository_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path, tmp_path) == {}
