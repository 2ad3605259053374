"""Fixtures for the tests of jobs."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from podium.cli import main
from tests.conftest import PROJECT


@pytest.fixture
def podium_run(tmp_path) -> Callable[..., tuple[int, str]]:
    """Run ``podium run`` in the checkout on an empty data folder; return its exit code and output."""

    def run(*arguments: str) -> tuple[int, str]:
        environment = {"PODIUM_DATA": str(tmp_path), "PODIUM_HOME": str(PROJECT), "KEDRO_ENV": None}
        done = CliRunner().invoke(main, ["run", *arguments], prog_name="podium", env=environment)
        return done.exit_code, done.output

    return run
