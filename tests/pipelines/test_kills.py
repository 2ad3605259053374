"""A run that is killed at any moment and then repeated gives the same rows as an undisturbed run."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import PROJECT, Project
from tests.pipelines.life import contents


def start(data: Path, source: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.pipelines.life", str(data), str(source)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()[-3000:]


def commits(root: Path) -> int:
    """The number of commits to all tables so far."""
    return sum(1 for _ in root.glob("*/*/*/_delta_log/*.json"))


@pytest.fixture(scope="module")
def whole(lived: Project):
    """An undisturbed life cycle: the contents of its tables, its source and its number of commits."""
    return contents(lived), lived.source, commits(lived.root)


def kill_and_repeat(whole, folder: Path, seed: int) -> None:
    expected, source, total = whole
    chance = random.Random(seed)
    after, delay = chance.randrange(1, total), chance.uniform(0, 1)
    process = start(folder / "data", source)
    while process.poll() is None and commits(folder / "data" / "dev") < after:
        time.sleep(0.02)
    # The nodes between two commits take up to a second.
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, process.stderr.read().decode()[-3000:]
    finish(start(folder / "data", source))
    found = contents(Project(folder / "data", source))
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, obj=f"{name}, killed after commit {after} (seed {seed})")
    shutil.rmtree(folder)


def test_a_life_cycle_killed_once_is_completed_by_the_next_run(whole, tmp_path: Path) -> None:
    kill_and_repeat(whole, tmp_path / "killed", seed=1)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(100, 120))
def test_life_cycles_killed_at_many_moments_are_completed_by_the_next_run(whole, tmp_path: Path, seed: int) -> None:
    kill_and_repeat(whole, tmp_path / "killed", seed)
