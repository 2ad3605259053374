"""A Databricks cluster installs the locked versions of all the wheel's dependencies, except Spark."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from podium.cli import main
from podium.errors import PodiumError
from podium.jobs.locked_requirements import HEADER, RUNTIME, locked_requirements
from tests.conftest import PROJECT

PYPROJECT = """
[project]
dependencies = ["Needs_It[extra]>=1", "plain"]

[project.optional-dependencies]
local = ["pyspark"]
"""
LOCK = r"""deep==1.0 ; python_full_version < '3.12' \
    --hash=sha256:00
    # via
    #   needs-it
    #   other
deep==2.0 ; python_full_version >= '3.12' \
    --hash=sha256:01
    # via needs-it
needs-it==3.0 \
    --hash=sha256:02 \
    --hash=sha256:03
    # via podium (pyproject.toml)
of-spark==4.0 \
    --hash=sha256:04
    # via pyspark
other==5.0 \
    --hash=sha256:05
    # via dev-tool
plain==6.0 \
    --hash=sha256:06
    # via
    #   podium (pyproject.toml)
    #   other
pyspark==7.0 \
    --hash=sha256:07
    # via
    #   podium (pyproject.toml)
    #   plain
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements.lock").write_text(LOCK)
    return tmp_path


def installed_closure() -> dict[str, str]:
    """The version of every package that the installed podium requires without extras, by package metadata."""
    found: dict[str, str] = {}
    waiting = [Requirement(each) for each in distribution("podium").requires or ()]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        extras = ["", *requirement.extras]
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if (key := (canonicalize_name(requirement.name), frozenset(requirement.extras))) in seen:
            continue
        seen.add(key)
        there = distribution(requirement.name)
        found[key[0]] = there.version
        for each in map(Requirement, there.requires or ()):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras):
                each.marker = None
                waiting.append(each)
    return found


def test_direct_and_indirect_dependencies_of_the_wheel_are_pinned(home):
    assert locked_requirements(home) == (
        f"{HEADER}deep==1.0 ; python_full_version < '3.12'\ndeep==2.0 ; python_full_version >= '3.12'\n"
        "needs-it==3.0\nplain==6.0\n"
    )


def test_every_dependency_of_the_wheel_is_pinned():
    pins = [Requirement(line) for line in locked_requirements(PROJECT).splitlines()[1:]]
    pinned = {canonicalize_name(pin.name): pin.specifier for pin in pins if not pin.marker or pin.marker.evaluate()}
    needed = installed_closure()
    assert len(needed) > 50
    assert needed.keys() <= pinned.keys()
    assert [name for name, version in needed.items() if version not in pinned[name]] == []


def test_the_requirements_do_not_replace_the_spark_of_the_runtime():
    lock = (PROJECT / "requirements.lock").read_text()
    names = {Requirement(line).name for line in locked_requirements(PROJECT).splitlines()[1:]}
    assert "\npyspark==" in lock
    assert names.isdisjoint({*RUNTIME, "pysail", "databricks-connect", "pytest", "kedro-viz"})


def test_a_dependency_that_the_lock_lacks_is_named(home):
    (home / "pyproject.toml").write_text(PYPROJECT.replace('"plain"', '"plain", "new-one>=2"'))
    with pytest.raises(PodiumError, match=r"no version of new-one, .* Run: make lock"):
        locked_requirements(home)


def test_a_missing_lock_is_an_error_that_names_podium_home(tmp_path):
    with pytest.raises(PodiumError, match=r"There is no .*requirements\.lock, .* PODIUM_HOME"):
        locked_requirements(tmp_path)


def test_a_bundle_with_other_versions_than_the_lock_is_stale(tmp_path):
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, tmp_path)
    for name in ("conf", "databricks"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    check = ["jobs", "bundle", "--check"]
    variables = {"PODIUM_HOME": str(tmp_path)}
    assert CliRunner().invoke(main, check, env=variables).exit_code == 0
    lock = tmp_path / "requirements.lock"
    lock.write_text(lock.read_text().replace("\ntenacity==", "\ntenacity==99."))
    stale = CliRunner().invoke(main, check, env=variables)
    assert stale.exit_code == 1
    assert "+tenacity==99." in stale.stdout
    assert "differs from conf/base/jobs.yml or requirements.lock. Run: podium jobs bundle" in stale.stderr
    assert CliRunner().invoke(main, check[:2], env=variables).output.startswith("replaced: ")
    assert CliRunner().invoke(main, check, env=variables).exit_code == 0


def test_make_lock_regenerates_the_bundle():
    lock = (PROJECT / "Makefile").read_text().partition("\nlock:")[2].partition("\n\n")[0]
    assert lock.splitlines()[-1] == "\t$(BIN)/podium jobs bundle"
