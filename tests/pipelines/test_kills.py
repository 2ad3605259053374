"""A run that is killed at any moment and then repeated gives the same rows as an undisturbed run."""

import random
import shutil
import signal
import subprocess
import sys
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


@pytest.fixture(scope="module")
def whole(lived: Project):
    """An undisturbed life cycle: the contents of its tables, its source and its duration."""
    return contents(lived), lived.source, lived.took


def kill_and_repeat(whole, folder: Path, seed: int) -> None:
    expected, source, took = whole
    # A separate process also needs time to start. That only shifts the moment of the kill.
    after = random.Random(seed).uniform(0.15, 0.95) * took
    process = start(folder / "data", source)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
    finish(start(folder / "data", source))
    found = contents(Project(folder / "data", source))
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, obj=f"{name}, killed after {after:.1f} s (seed {seed})")
    shutil.rmtree(folder)


def test_a_life_cycle_killed_once_is_completed_by_the_next_run(whole, tmp_path: Path) -> None:
    kill_and_repeat(whole, tmp_path / "killed", seed=1)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(100, 120))
def test_life_cycles_killed_at_many_moments_are_completed_by_the_next_run(whole, tmp_path: Path, seed: int) -> None:
    kill_and_repeat(whole, tmp_path / "killed", seed)
