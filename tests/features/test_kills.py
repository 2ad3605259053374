"""A feature engineering run that was killed at any moment and run again gives the tables of an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from podium.domains.flights import DOMAIN
from tests.bits import assert_same_rows, table_keys
from tests.conftest import PROJECT, Project

from .conftest import AS_OF

TABLES = table_keys(DOMAIN)
# Each of 57 nodes logs one line when it ends. The last node records the refresh, so the kill comes before it.
LINES = 55
# The nodes of the intake are the first of them.
INTAKE = 40


def run_and_kill(project: Project, chance: random.Random, lines: int = LINES) -> int:
    """Start ``kedro run``, kill it shortly after a random number of nodes, and return that number."""
    after, moment = chance.randint(1, lines), chance.uniform(0, 0.12)
    command = [sys.executable, "-m", "kedro", "run", "--pipelines", "feature_engineering"]
    parameters = f"as_of={AS_OF},flights.source={project.source}"
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
        if sum(" s  " in earlier and ".flights." in earlier for earlier in said) == after:
            break
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL, f"the run ended before the kill:\n{''.join(said)}"
    return after


def kill_and_repeat(make, computed: Project, seed: int) -> None:
    """For odd seeds the project already has features of an earlier moment, so the kill hits an incremental refresh."""
    chance, project = random.Random(seed), make(computed.source)
    if seed % 2:
        project.run("feature_engineering", as_of="2013-02-20T03:04")

    after = run_and_kill(project, chance)

    finish_and_compare(project, computed, f"killed after {after} nodes (seed {seed})")


def finish_and_compare(project: Project, computed: Project, what: str) -> None:
    project.run("feature_engineering", as_of=AS_OF)
    for name, keys in TABLES.items():
        try:
            assert_same_rows(computed.table(name), project.table(name), keys=keys)
        except AssertionError as different:
            raise AssertionError(f"{name}, {what}: {different}") from None


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(1, 8))])
def test_an_intake_that_was_killed_three_times_is_completed_by_the_next(new_project, computed, seed):
    """Each kill hits what the one before has left."""
    chance, project = random.Random(seed), new_project(computed.source)

    after = [run_and_kill(project, chance, INTAKE) for _ in range(3)]

    finish_and_compare(project, computed, f"killed after {after} nodes (seed {seed})")


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1, 21))
def test_runs_killed_at_many_moments_are_repaired_by_the_next(new_project, computed, seed):
    kill_and_repeat(new_project, computed, seed)


def test_a_run_that_fails_half_way_is_repaired_by_the_next(new_project, computed, monkeypatch):
    """A failure in the test process: feature tables were written, but the refresh was not recorded."""
    from podium.pipelines.feature_engineering import nodes

    project = new_project(computed.source)
    project.run("feature_engineering", as_of="2013-02-20T03:04")
    with monkeypatch.context() as patch:
        patch.setattr(nodes, "REFRESH_KEYS", ("nowhere",))
        with pytest.raises(Exception, match="no key column nowhere"):
            project.run("feature_engineering", as_of="2013-03-01")
    written = project.table("features/weather")["feature_time"].max()
    assert written > project.table("features/refreshes")["until"].max()

    project.run("feature_engineering", as_of=AS_OF)

    for name, keys in TABLES.items():
        assert_same_rows(computed.table(name), project.table(name), keys=keys)
