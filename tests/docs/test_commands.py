"""Every command in the documentation exists and accepts its options. The tests run the commands that only read."""

import os
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from podium.cli import main
from podium.pipelines import STAGES
from podium.project_parameters import check_parameters
from tests.conftest import PROJECT
from tests.docs.pages import PAGES, blocks, commands, name

COMMANDS = sorted({command for _, command in commands()})
SAYS = re.compile(r"`((?:make|podium|kedro|python) [^`]+)`")
IN_TEXT = sorted({command for page in PAGES for command in SAYS.findall(page.read_text())})
# Problems that a how-to page adds, so their files are not in the project.
ADDED = ("src/clinic/", "visits.yml", "missed_visit")


def words(command: str) -> list[str]:
    """The words of a command, without environment variables and without the folder of the program."""
    found = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    return [found[0].removeprefix(".venv/bin/"), *found[1:]]


def check_click(command: click.Command, arguments: list[str]) -> click.Context:
    """Parse the arguments like the command does, without running it."""
    context = command.make_context(command.name, list(arguments), resilient_parsing=False)
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        return check_click(inner, rest)
    return context


def check_make(arguments: list[str]) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in [argument for argument in arguments if "=" not in argument]:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"the Makefile has no documented target {target}"


def check_kedro(arguments: list[str]) -> None:
    from kedro.framework.cli.cli import KedroCLI

    cli = KedroCLI(project_path=PROJECT)
    command = cli.get_command(click.Context(cli), arguments[0])
    assert command is not None, f"kedro has no command {arguments[0]}"
    context = check_click(command, arguments[1:])
    if arguments[0] == "run":
        check_run(context.params)


def check_podium(arguments: list[str]) -> None:
    context = check_click(main, arguments)
    if arguments[0] == "run":
        check_run(context.params)


def check_run(given: dict) -> None:
    """Assert that the pipelines exist and that the parameters are valid."""
    assert set(given["pipelines"] or []) <= set(STAGES)
    raw: dict = {}
    for file in (PROJECT / "conf/base/parameters").glob("*.yml"):
        raw |= yaml.safe_load(file.read_text())
    for path, value in _leaves(given.get("params") or {}):
        *steps, last = path
        place = raw
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    check_parameters(raw, raw)


def _leaves(tree: dict, path: tuple[str, ...] = ()):
    for key, value in tree.items():
        yield from _leaves(value, (*path, key)) if isinstance(value, dict) else [((*path, key), value)]


def check_python(arguments: list[str]) -> None:
    script = (PROJECT / arguments[0]).read_text()
    for choice in arguments[1:]:
        assert f"\ndef {choice}(" in script, f"{arguments[0]} has no {choice}"


CHECKS = {
    "make": check_make,
    "podium": check_podium,
    "kedro": check_kedro,
    "python": check_python,
    "source": lambda arguments: None,
}


def test_there_are_commands_to_check():
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("command", sorted({*COMMANDS, *IN_TEXT}))
def test_a_command_in_the_docs_exists(command, monkeypatch):
    monkeypatch.chdir(PROJECT)
    first, *arguments = words(command)
    assert first in CHECKS, f"the docs use the unknown program {first}"
    try:
        CHECKS[first](arguments)
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        assert command not in COMMANDS, "a command in a code block must be complete"


READ_ONLY = ("podium status", "podium lake", "podium model list", "podium access", "podium jobs list")


# Commands that query tables run in tests/cli/test_lake_sql.py, which has tables.
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(READ_ONLY) and "lake sql" not in c])
def test_a_read_only_command_runs(command, tmp_path):
    from click.testing import CliRunner

    environment = {"PODIUM_DATA": str(tmp_path), "PODIUM_HOME": str(PROJECT)}
    answer = CliRunner().invoke(main, words(command)[1:], env=environment)
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_have_a_target(page: Path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_exist(page: Path):
    for path in re.findall(r"`((?:src|conf|tests|benchmarks|docs)/[\w./-]+)`", page.read_text()):
        assert (PROJECT / path).exists() or any(problem in path for problem in ADDED), path


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_and_yaml_blocks_parse(page: Path):
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")
    for block in blocks(page, "yaml"):
        yaml.safe_load(block)


def test_every_dependency_is_explained():
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    names = {re.match(r"[\w-]+", each)[0] for each in [*project["dependencies"], *extras]}
    tables = "\n".join(line for line in (PROJECT / "docs/decisions.md").read_text().splitlines() if line[:2] == "| ")
    explained = {word for line in tables.splitlines() for word in re.findall(r"[\w-]+", line.split("|")[1])}
    assert names - explained == set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_ci_runs_what_the_readme_says():
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1].removeprefix("exec ") in blocks(PROJECT / "README.md", "sh")[0]
