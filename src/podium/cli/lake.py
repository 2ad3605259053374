"""The command ``podium lake``: list, query, clean and maintain the tables of an environment."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import as_json, console, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.lakehouse.listing import Table

__all__ = ["lake"]

SHOWN = ("name", "zone", "path", "rows", "version")
FILE: Any = click.Path(dir_okay=False, path_type=Path)


@click.group(
    short_help="The tables of the lakehouse.",
    epilog=examples(
        "podium lake tables",
        "podium lake features weather",
        'podium lake sql "select max(scheduled_departure) from flights.bronze_timetable"',
        "podium lake clean --env staging",
        "podium lake maintain",
    ),
)
def lake() -> None:
    """List, query, clean and maintain the tables of the lakehouse, and list its features."""


@lake.command(
    short_help="Every table with its zone, path, row count and version.",
    epilog=examples("podium lake tables", "podium lake tables --env staging", "podium lake tables --json"),
)
@env_option
@json_option
def tables(env: str, wants_json: bool) -> None:
    """List every table with its zone, path, number of rows and Delta version.

    Starts an engine only for Unity Catalog.
    """
    from podium.lakehouse.listing import find_tables

    from .project import open_project

    project = open_project(env)
    with project.prepared() if "://" in project.root else nullcontext():
        found = find_tables(project.section("catalog"))
    if wants_json:
        as_json([{key: value for key, value in asdict(table).items() if key in SHOWN} for table in found])
    elif found:
        _print(found, project.root)
    else:
        click.echo(
            f"There are no tables in {project.root} yet. Run: podium demo --env {env}, or kedro run --env {env} "
            "--pipelines eda"
        )


@lake.command(
    short_help="Every feature: its table, unit, meaning, owner, users.",
    epilog=examples("podium lake features", "podium lake features weather", "podium lake features --json"),
)
@click.argument("word", required=False, default="")
@env_option
@json_option
def features(word: str, env: str, wants_json: bool) -> None:
    """List the features of all domains and problems, or those in which WORD occurs.

    Shows each feature's table, entity, type, unit, description, owner and freshness, the problems that use it, and the
    time up to which the environment has computed it. Starts an engine only for Unity Catalog.
    """
    from .lake_features import print_features
    from .project import open_project

    print_features(open_project(env), word, wants_json=wants_json)


@lake.command(
    short_help="Drop expired tables and their files.",
    epilog=examples("podium lake clean --env staging", "podium lake clean --env staging --yes --vacuum --optimize"),
)
@env_option
@click.option("--yes", is_flag=True, help="Drop what has expired. Without --yes, only show it.")
@click.option("--vacuum", is_flag=True, help="Also VACUUM the tables that stay.")
@click.option("--optimize", is_flag=True, help="Also OPTIMIZE the tables that stay.")
@json_option
def clean(env: str, yes: bool, wants_json: bool, **upkeep: bool) -> None:
    """Drop the tables, landed files and reports of every domain or problem whose tables have all expired.

    A property of each table says how long to keep the table after its last write. A table without the property never
    expires, and neither does anything else of its domain or problem. Models and runs in MLflow stay.
    """
    from .lake_upkeep import clean_up, roots_of_others
    from .project import open_project

    others = roots_of_others(env)
    # Open the given environment only after all other environments have been opened, because OmegaConf resolves
    # ${globals:…} with the environment that was opened last.
    project = open_project(env)
    with project.prepared():
        clean_up(project, others, yes=yes, wants_json=wants_json, **upkeep)


@lake.command(
    short_help="OPTIMIZE and VACUUM tables.",
    epilog=examples(
        "podium lake maintain",
        "podium lake maintain flight_delay.predictions --env prod",
        "podium lake maintain --dry-run",
    ),
)
@click.argument("names", metavar="[TABLE]...", nargs=-1)
@env_option
@click.option(
    "--retention-hours",
    "hours",
    type=click.IntRange(min=0),
    default=168,
    show_default=True,
    help="How many hours of old table versions stay readable.",
)
@click.option("--force", is_flag=True, help="Allow --retention-hours below 168.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@json_option
def maintain(names: tuple[str, ...], env: str, wants_json: bool, **options: Any) -> None:
    """Merge small files, and remove files that no table version within the retention needs.

    Maintains the named tables, or all tables if none is named. No row changes, and all versions within the retention
    stay readable.
    """
    from .lake_upkeep import maintain_tables
    from .project import open_project

    project = open_project(env)
    with project.prepared():
        maintain_tables(project, names, wants_json=wants_json, **options)


@lake.command(
    short_help="Query tables by SQL, or run a named query.",
    epilog=examples(
        'podium lake sql "select origin, count(*) from flights.bronze_timetable group by origin"',
        "podium lake sql --list",
        "podium lake sql --name open_critical_alerts --env prod --json",
        'podium lake sql "select * from flight_delay.predictions" --parquet predictions.parquet',
    ),
)
@click.argument("query", metavar="[SQL]", required=False)
@click.option("--name", help="Run a named query, a .sql file in conf/base/queries or conf/<env>/queries.")
@click.option("--list", "wants_list", is_flag=True, help="List the named queries.")
@env_option
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Number of rows to show.")
@click.option("--csv", type=FILE, help="Write all rows to this CSV file; print none.")
@click.option("--parquet", type=FILE, help="Write all rows to this Parquet file; print none.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@json_option
def sql(query: str | None, name: str | None, wants_list: bool, env: str, wants_json: bool, **options: Any) -> None:
    """Run one query in Spark SQL over the tables that podium lake tables lists.

    The access rules apply: tables that you may not read are refused, and masked columns are masked. Times are in UTC.

    The exit code is 3 if a named query crosses its threshold, 1 after an error, otherwise 0.
    """
    from .lake_sql import CROSSED, list_queries, run_query
    from .project import open_project

    if (query is not None) + (name is not None) + wants_list != 1:
        raise click.UsageError("Give exactly one of: SQL, --name NAME, --list.")
    targets: list[Any] = [(kind, file) for kind in ("csv", "parquet") if (file := options.pop(kind))]
    if len(targets) > 1:
        raise click.UsageError("Give at most one of: --csv, --parquet.")
    project = open_project(env)
    if wants_list:
        list_queries(project, wants_json=wants_json)
    elif run_query(project, query, name, target=next(iter(targets), None), wants_json=wants_json, **options):
        click.get_current_context().exit(CROSSED)


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
