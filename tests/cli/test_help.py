"""The help: it fits a screen, has an example for every command, and imports no heavy packages."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from podium.cli import cli, main
from podium.pipelines import STAGES


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(main))


def test_help_fits_a_screen(podium):
    lines = podium("--help").output.splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_says_what_it_does_and_shows_an_example(podium, path):
    shown = podium(*path, "--help").output
    assert f"  podium {' '.join(path)}" in shown.partition("Examples:")[2]
    assert ALL[path].get_short_help_str()


# Commands without --env: a cluster belongs to no environment, a promotion names two, and a bundle has targets.
WITHOUT_ENVIRONMENT = ("cluster", "promote", "bundle")


@pytest.mark.parametrize(
    "path",
    [path for path in ALL if not isinstance(ALL[path], click.Group) and not {*path} & {*WITHOUT_ENVIRONMENT}],
    ids=" ".join,
)
def test_every_command_takes_an_environment_and_dev_is_the_default(path):
    (env,) = [option for option in ALL[path].params if option.name == "env"]
    assert env.default == "dev"


def test_help_loads_nothing_heavy():
    heavy = ("kedro", "mlflow", "pyspark", "pandas", "numpy", "deltalake", "rich", "pydantic")
    code = f"import sys, podium.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_kedro_has_the_same_commands_except_run():
    assert cli.commands == {name: each for name, each in main.commands.items() if name != "run"}
    assert not cli.help


def test_help_lists_every_pipeline_in_order(podium):
    assert f"The pipelines: {', '.join(STAGES)}." in " ".join(podium("--help").output.split())


@pytest.mark.parametrize("command", [("status",), ("lake", "tables"), ("demo",)], ids=" ".join)
def test_an_unknown_environment_is_refused_with_the_nearest_name(podium, command):
    answer = podium(*command, "--env", "stagin")
    assert answer.exit_code == 1
    assert "no environment 'stagin' (did you mean 'staging'?)" in answer.stderr
    assert "dev, prod, staging" in answer.stderr
    assert not answer.stdout


@pytest.mark.parametrize("name", ["base", "local"])
def test_base_and_local_are_not_environments(podium, name):
    assert podium("status", "--env", name).exit_code == 1


def test_a_folder_that_is_not_a_project_is_refused(tmp_path, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, ["status"], env={"PODIUM_HOME": None})
    assert answer.exit_code == 1
    assert f"{tmp_path} is not a Podium project" in answer.stderr


def test_wrong_usage_is_exit_code_2(podium):
    assert podium("status", "--nonsense").exit_code == 2
    assert podium("demo", "--as-of", "2013-08-01", "--later", "2013-07-01").exit_code == 2
    assert podium("demo", "--as-of", "yesterday").exit_code == 2
