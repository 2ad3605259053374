"""A run that fails because of the system, a damaged table or a typo prints one line and loses no data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT


def python(data: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run Python in the project's folder. Return its exit code and its output lines, without progress messages."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=os.environ | {"PODIUM_DATA": str(data), "COLUMNS": "1000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if " INFO " not in line]


def kedro_run(data: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run ``kedro run`` and return its exit code and its output lines, without progress messages."""
    return python(data, "-m", "kedro", "run", *arguments)


TYPOS = {
    "environment": (("--env", "prd"), "There is no environment 'prd' (did you mean 'prod'?)"),
    "pipeline": (("--pipelines", "trainin"), "There is no pipeline 'trainin' (did you mean 'training'?)"),
    "tag": (("--tags", "night"), "There is no tag 'night'"),
    "namespace": (("--namespaces", "monitorin"), "There is no namespace 'monitorin' (did you mean 'monitoring'?)"),
    "memory": (
        ("--nodes", "training.flight_delay.fit_candidate"),
        "need flight_delay.fitted_choice, which exists only in memory during a run",
    ),
}


# Runs ``kedro run`` once for each list of arguments, and prints the exit code after each run. Imports take most of the
# time of a refused run, so each run is a fork of a process that has imported everything.
ONE_BY_ONE = """
import os, sys
import podium.hooks, podium.pipeline_registry, kedro_mlflow.framework.hooks
from kedro.framework.cli.cli import main
for arguments in eval(sys.argv[1]):
    child = os.fork()
    if not child:
        sys.argv[1:] = ["run", *arguments]
        sys.exit(main())
    print("exit code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_typo_gives_a_one_line_error(tmp_path: Path) -> None:
    _, lines = python(tmp_path, "-c", ONE_BY_ONE, repr([arguments for arguments, _ in TYPOS.values()]))
    assert len(lines) == 2 * len(TYPOS), lines
    for (_, message), line, code in zip(TYPOS.values(), lines[::2], lines[1::2], strict=True):
        assert line.startswith("Error: ")
        assert message in line
        assert code == "exit code 1"


def test_a_damaged_table_gives_a_one_line_error(project) -> None:
    project.run("feature_engineering", as_of="2013-02-01")
    log = project.lake / "bronze" / "departure" / "_delta_log"
    broken = max(log.glob("*.json"))
    broken.write_text("{")
    where = ("--params", f"as_of=2013-02-02,flights.source={project.source}")

    code, lines = kedro_run(project.data, "--pipelines", "feature_engineering", *where)

    assert (code, len(lines)) == (1, 1), lines
    assert f"Error: flights.bronze_departure is damaged: {broken} is not readable as JSON" in lines[0]
    assert f"the last good version is {int(broken.stem) - 1}" in lines[0]


def test_a_full_disk_gives_a_one_line_error(project, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root to mount a small disk")
    try:
        where = ("--params", f"as_of=2013-02-02,flights.source={project.source}")
        code, lines = kedro_run(small, "--pipelines", "feature_engineering", *where)
    finally:
        subprocess.run(["umount", small], check=True)

    # What is not recorded, because MLflow's database lies on the same disk, takes a line of its own.
    *warnings, error = lines
    assert code == 1
    assert all(" WARNING " in line for line in warnings), lines
    assert "No space left on device" in error
    assert "Each table is either completely written or unchanged" in error


def test_a_file_in_place_of_the_data_folder_gives_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, lines = kedro_run(tmp_path / "file", "--pipelines", "eda")
    assert (code, len(lines)) == (1, 1), lines
    assert "Not a directory" in lines[0]
    assert "PODIUM_DATA" in lines[0]
