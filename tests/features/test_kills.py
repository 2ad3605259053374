"""Killed at any moment and run again, feature engineering leaves the tables of a run that was not killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.problems import PROBLEMS
from tests.conftest import PROJECT, Project
from tests.leaks import assert_same_rows, table_keys

from .conftest import AS_OF

TABLES = table_keys(PROBLEMS["flight_delay"])
# A node that has ended says so in one line; there are some 33 of them, the last of which records that all is done.
LINES = 30


def run_and_kill(project: Project, chance: random.Random) -> int:
    """Start a run as a person would, kill it after some of its nodes, and a moment later; the number of nodes."""
    after, moment = chance.randint(1, LINES), chance.uniform(0, 0.12)
    command = [sys.executable, "-m", "kedro", "run", "--pipelines", "feature_engineering"]
    parameters = f"as_of={AS_OF},flight_delay.source={project.source}"
    process = subprocess.Popen(
        [*command, "--params", parameters],
        cwd=PROJECT,
        env=os.environ | {"PODIUM_DATA": str(project.data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if sum(" s  " in earlier and ".flight_delay." in earlier for earlier in said) == after:
            break
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL, f"it had ended before the kill:\n{''.join(said)}"
    return after


def kill_and_repeat(make, files: dict, computed: Project, seed: int) -> None:
    """Every second seed has features of an earlier moment already, so that a refresh is killed and not a beginning."""
    chance, project = random.Random(seed), make(files)
    if seed % 2:
        project.run("feature_engineering", as_of="2013-02-20T03:04")

    after = run_and_kill(project, chance)
    project.run("feature_engineering", as_of=AS_OF)

    for name, keys in TABLES.items():
        try:
            assert_same_rows(computed.table(name), project.table(name), keys=keys)
        except AssertionError as different:
            raise AssertionError(f"{name}, killed after {after} nodes (seed {seed}): {different}") from None


def test_killed_and_run_again(new_project, files, computed):
    kill_and_repeat(new_project, files, computed, seed=0)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1, 21))
def test_killed_at_many_moments_and_run_again(new_project, files, computed, seed):
    kill_and_repeat(new_project, files, computed, seed)


def test_a_run_that_fails_half_way_is_made_good_by_the_next(new_project, files, computed, monkeypatch):
    """The same without a process: every feature table but the last few was written, and nothing recorded it."""
    from podium.pipelines.feature_engineering import nodes

    project = new_project(files)
    project.run("feature_engineering", as_of="2013-02-20T03:04")
    with monkeypatch.context() as patch:
        patch.setattr(nodes, "REFRESH_KEYS", ("nowhere",))
        with pytest.raises(Exception, match="no key column nowhere"):
            project.run("feature_engineering", as_of="2013-03-01")
    assert Path(project.lake / "features" / "weather").exists()
    written = project.table("features/weather")["feature_time"].max()
    assert written > project.table("features/refreshes")["until"].max()

    project.run("feature_engineering", as_of=AS_OF)

    for name, keys in TABLES.items():
        assert_same_rows(computed.table(name), project.table(name), keys=keys)
