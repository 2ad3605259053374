"""``podium lake``: the tables of an environment."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .options import as_json, console, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.lakehouse.listing import Table

__all__ = ["lake"]

SHOWN = ("name", "zone", "path", "rows", "version")


@click.group(short_help="The tables of the lakehouse.", epilog=examples("podium lake tables"))
def lake() -> None:
    """The tables of the lakehouse."""


@lake.command(
    short_help="Name, zone, path, rows and version of every table.",
    epilog=examples("podium lake tables", "podium lake tables --env staging", "podium lake tables --json"),
)
@env_option
@json_option
def tables(env: str, wants_json: bool) -> None:
    """Name, zone, path, rows and Delta version of every table, from the Delta logs: no engine, no scan."""
    from podium.lakehouse.listing import find_tables

    from .project import open_project

    project = open_project(env)
    found = find_tables(project.section("catalog"))
    if wants_json:
        as_json([{key: value for key, value in asdict(table).items() if key in SHOWN} for table in found])
    elif found:
        _print(found, project.root)
    else:
        click.echo(f"There are no tables in {project.root} yet. Run: podium demo, or kedro run --pipelines eda")


def _print(found: list[Table], root: str) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    grid = Grid("name", "zone", title=None, box=None, pad_edge=False, header_style="bold")
    grid.add_column("rows", justify="right")
    grid.add_column("version", justify="right")
    grid.add_column("path", style="dim", overflow="fold")
    for table in found:
        path = table.path.removeprefix(f"{root}/")
        grid.add_row(table.name, table.zone, f"{table.rows:,}", str(table.version), path)
    out = console()
    out.print(grid)
    out.print(f"{len(found)} tables, {sum(table.rows for table in found):,} rows in {escape(root)}", soft_wrap=True)
