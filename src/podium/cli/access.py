"""The command ``podium access``: who may read and write which zone of an environment, and which columns are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .options import as_json, console, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.lakehouse.access import Policy
    from podium.lakehouse.access.rules import Allowed

    from .project import Project

__all__ = ["access"]

LEGEND = "r: may read, m: may read masked, w: may write, -: no access"


@click.group(
    short_help="Who may read and write which zone.",
    epilog=examples("podium access show --env prod", "podium access check --as ada"),
)
def access() -> None:
    """Show who may read and write which zone of an environment, and which columns are masked."""


@access.command(
    short_help="The rights of every role in every zone, and yours.",
    epilog=examples("podium access show", "podium access show --env prod", "podium access show --json"),
)
@env_option
@json_option
def show(env: str, wants_json: bool) -> None:
    """Show the rights of every role in every zone, and your own, by the rules in conf/base/access.yml."""
    policy = _open(env).policy
    names = policy.caller.names()
    matrix = {role: policy.rules.allowed(env, [role]) for role in ("anyone", *policy.rules.roles)}
    you = {"principals": names, "roles": {name: _roles(policy, name) for name in names}}
    if wants_json:
        rights = {role: _zones(policy, allowed) for role, allowed in matrix.items()}
        as_json({"env": env, "you": {**you, "rights": _zones(policy, policy.allowed(env))}, "roles": rights})
        return
    _print(policy, {**matrix, "you": policy.allowed(env)})
    click.echo(f"You are {_described(policy, names)}.")


@access.command(
    short_help="The rights of a principal.",
    epilog=examples("podium access check --as ada", "podium access check --as ada@example.com --env prod --json"),
)
@click.option("--as", "name", required=True, metavar="NAME", help="The name of an OS user or a Databricks user.")
@env_option
@json_option
def check(name: str, env: str, wants_json: bool) -> None:
    """Show what a principal may read and write in each zone of an environment."""
    policy = _open(env).policy
    allowed = policy.allowed(env, (name,))
    if wants_json:
        as_json({"env": env, "principal": name, "roles": _roles(policy, name), "rights": _zones(policy, allowed)})
        return
    _print(policy, {name: allowed})
    click.echo(f"{_described(policy, (name,))}{_unlisted(policy, name)}.")


@access.command(
    short_help="The rules as SQL for Unity Catalog.",
    epilog=examples("podium access sql --env prod", "podium access sql --env prod --catalog main"),
)
@env_option
@click.option("--catalog", default="main", show_default=True, help="The catalog that holds the tables.")
def sql(env: str, catalog: str) -> None:
    """Print the GRANT, REVOKE and column-mask statements that apply an environment's rules to Unity Catalog.

    The statements cover the tables of all pipelines, <catalog>.<problem>.<zone>_<table>. Create these tables first.
    Each role stands for an account group, by default the group of the same name. The masks read their key from the
    secret mask_key in the scope podium.
    """
    from podium.lakehouse.access.sql import statements

    from .access_tables import catalog_tables

    project = _open(env)
    rules = project.policy.rules
    click.echo(
        f"-- Rights and masks of {env} in the catalog {catalog}. Rights in the zone registry are not included, because "
        "MLflow holds the registry."
    )
    for statement in statements(rules, env, catalog, list(catalog_tables(project))):
        click.echo(f"{statement};")


def _open(env: str) -> Project:
    from .project import open_project

    return open_project(env)


def _roles(policy: Policy, name: str) -> list[str]:
    return list(policy.roles(name, policy.env))


def _zones(policy: Policy, allowed: Allowed) -> dict[str, dict[str, bool]]:
    """Map each zone to whether it may be read, whether it may be written, and whether reads are masked."""
    from podium.lakehouse.access import ZONES

    return {
        zone: {
            "read": zone in allowed.read,
            "write": zone in allowed.write,
            "masked": not allowed.clear and zone in allowed.read and bool(policy.rules.masked_columns(zone)),
        }
        for zone in ZONES
    }


def _print(policy: Policy, rows: dict[str, Allowed]) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    from podium.lakehouse.access import ZONES

    grid = Grid("", *ZONES, title=None, box=None, pad_edge=False, header_style="bold")
    for who, allowed in rows.items():
        grid.add_row(escape(who), *(_cell(rights) for rights in _zones(policy, allowed).values()))
    out = console()
    out.print(grid)
    masks = ", ".join(sorted({mask.column for mask in policy.rules.masks})) or "none"
    out.print(f"{LEGEND}. Masked columns: {escape(masks)}", soft_wrap=True)


def _cell(rights: dict[str, Any]) -> str:
    read = "m" if rights["masked"] else "r" if rights["read"] else ""
    return read + ("w" if rights["write"] else "") or "-"


def _described(policy: Policy, names: tuple[str, ...]) -> str:
    """Describe principals by their names and roles."""
    from podium.lakehouse.access.principal import NARROW

    said = [f"{name} (roles: {', '.join(_roles(policy, name)) or 'only anyone'})" for name in names]
    unlisted = not policy.rules.members and any(_roles(policy, name) for name in names)
    owner = ", as the owner of the project's folder, because no members are listed" if unlisted else ""
    return f", narrowed by {NARROW} to ".join(said) + owner


def _unlisted(policy: Policy, name: str) -> str:
    from podium.errors import did_you_mean
    from podium.lakehouse.access.rules import FILE

    members = policy.rules.members
    if name in members or _roles(policy, name):
        return ""
    return f", not listed under members in {FILE}{did_you_mean(name, members)}"
