"""What the tests of jobs share."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from podium.cli import main
from tests.conftest import PROJECT


@pytest.fixture
def podium_run(tmp_path) -> Callable[..., tuple[int, str]]:
    """``podium run`` in the checkout, on an empty data folder: exit code, and what is on the terminal."""

    def run(*arguments: str) -> tuple[int, str]:
        environment = {"PODIUM_DATA": str(tmp_path), "PODIUM_HOME": str(PROJECT), "KEDRO_ENV": None}
        done = CliRunner().invoke(main, ["run", *arguments], prog_name="podium", env=environment)
        return done.exit_code, done.output

    return run
