"""A run that fails because of the system, a damaged table or a typo prints one line and loses no data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT


def kedro_run(data: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run ``kedro run`` and return its exit code and its output lines, without progress messages."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=PROJECT,
        env=os.environ | {"PODIUM_DATA": str(data), "COLUMNS": "1000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if " INFO " not in line]


TYPOS = {
    "environment": (("--env", "prd"), "There is no environment 'prd' (did you mean 'prod'?)"),
    "pipeline": (("--pipelines", "trainin"), "There is no pipeline 'trainin' (did you mean 'training'?)"),
    "tag": (("--tags", "night"), "There is no tag 'night'"),
    "namespace": (("--namespaces", "monitorin"), "There is no namespace 'monitorin' (did you mean 'monitoring'?)"),
    "clock": (
        ("--namespaces", "inference"),
        "need flight_delay.as_of, which exists only in memory during a run",
    ),
}


@pytest.mark.parametrize("what", TYPOS)
def test_a_typo_gives_a_one_line_error(what: str, tmp_path: Path) -> None:
    arguments, message = TYPOS[what]
    code, lines = kedro_run(tmp_path, *arguments)
    assert (code, len(lines)) == (1, 1), lines
    assert lines[0].startswith("Error: ")
    assert message in lines[0]


def test_a_damaged_table_gives_a_one_line_error(project) -> None:
    project.run("feature_engineering", as_of="2013-02-01")
    log = project.lake / "bronze" / "departure" / "_delta_log"
    broken = max(log.glob("*.json"))
    broken.write_text("{")
    where = ("--params", f"as_of=2013-02-02,flight_delay.source={project.source}")

    code, lines = kedro_run(project.data, "--pipelines", "feature_engineering", *where)

    assert (code, len(lines)) == (1, 1), lines
    assert f"Error: flight_delay.bronze_departure is damaged: {broken} is not readable as JSON" in lines[0]
    assert f"the last good version is {int(broken.stem) - 1}" in lines[0]


def test_a_full_disk_gives_a_one_line_error(project, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root to mount a small disk")
    try:
        where = ("--params", f"as_of=2013-02-02,flight_delay.source={project.source}")
        code, lines = kedro_run(small, "--pipelines", "feature_engineering", *where)
    finally:
        subprocess.run(["umount", small], check=True)

    assert (code, len(lines)) == (1, 1), lines
    assert "No space left on device" in lines[0]
    assert "Each table is either completely written or unchanged" in lines[0]


def test_a_file_in_place_of_the_data_folder_gives_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, lines = kedro_run(tmp_path / "file", "--pipelines", "eda")
    assert (code, len(lines)) == (1, 1), lines
    assert "Not a directory" in lines[0]
    assert "PODIUM_DATA" in lines[0]
