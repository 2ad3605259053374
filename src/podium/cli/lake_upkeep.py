"""Carry out ``podium lake clean`` and ``podium lake maintain``, and print the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from podium import interrupts
from podium.errors import PodiumError, did_you_mean

from .options import as_json, console, day, typed
from .project import open_project

if TYPE_CHECKING:
    from podium.lakehouse.expiry import Item, Lot
    from podium.lakehouse.listing import TableLocation
    from podium.lakehouse.maintenance import Work

    from .project import Project

__all__ = ["clean_up", "maintain_tables", "roots_of_others"]


def roots_of_others(env: str) -> dict[str, str]:
    """Map every other environment to the root of its tables."""
    return {name: open_project(name).root for name in open_project(env).environments if name != env}


def clean_up(
    project: Project, others: Mapping[str, str], *, yes: bool, vacuum: bool, optimize: bool, wants_json: bool
) -> None:
    """Show which tables and files have expired. With ``yes``, drop them and maintain the tables that stay.

    Args:
        project: the project, prepared for one environment.
        others: root of each other environment, which must not be touched.
        yes: whether to drop.
        vacuum: whether to VACUUM the tables that stay.
        optimize: whether to OPTIMIZE the tables that stay.
        wants_json: whether to print one JSON document instead of lines.

    Raises:
        PodiumError: dropping is refused (nothing was dropped), or a table could not be read or maintained.
    """
    from podium.lakehouse.expiry import find_lots

    now, roots = datetime.now(UTC), _roots(project)
    _refuse_shared(project.env, roots, others)
    lots = find_lots(project.section("catalog"))
    gone = [lot for lot in lots if lot.has_expired(now)]
    _require_write((item.zone, item.name) for lot in gone for item in lot.items)
    if not wants_json:
        _print_lots(lots, now, project, yes=yes)
    if yes:
        with interrupts.advising("A table may be dropped in part. Run the command again to drop the rest."):
            for lot in gone:
                _drop(lot, roots, now, quiet=wants_json)
    kept = [item for lot in lots if lot not in gone for item in lot.items if item.kind == "table" and not item.trouble]
    looked_after = _look_after(kept, _work(vacuum, optimize), dry_run=not yes, quiet=wants_json)
    if wants_json:
        said = [_lot_as_json(lot, expired=lot in gone) for lot in lots]
        as_json({"env": project.env, "root": project.root, "dropped": yes, "namespaces": said, "tables": looked_after})
    _fail([f"{item.name}: {item.trouble}" for lot in lots for item in lot.keepers if item.trouble] if yes else [])
    _fail([f"{each['name']}: {each['trouble']}" for each in looked_after if each.get("trouble")])


def maintain_tables(
    project: Project, names: Sequence[str], *, hours: int, force: bool, dry_run: bool, wants_json: bool
) -> None:
    """OPTIMIZE and VACUUM the named tables, or all tables if none is named, and print the results.

    Raises:
        PodiumError: a table does not exist, the retention is too short, or the rules forbid it (nothing was done); or
            the maintenance of a table failed (that of the others was done).
    """
    from podium.lakehouse.listing import table_places
    from podium.lakehouse.maintenance import Work, require_safe

    require_safe(hours, force=force)
    places = {place.name: place for place in table_places(project.section("catalog"))}
    if unknown := [f"{name}{did_you_mean(name, places)}" for name in names if name not in places]:
        raise PodiumError(
            f"There is no table {', '.join(unknown)} in {project.env}. To list its tables: podium lake tables --env "
            f"{project.env}"
        )
    chosen = [places[name] for name in dict.fromkeys(names)] or list(places.values())
    _require_write((place.zone, place.name) for place in chosen)
    if not chosen and not wants_json:
        click.echo(f"There are no tables in {project.root}.")
    done = _look_after(chosen, Work(hours=hours), dry_run=dry_run, quiet=wants_json)
    if wants_json:
        as_json({"env": project.env, "root": project.root, "dry_run": dry_run, "tables": done})
    _fail([f"{each['name']}: {each['trouble']}" for each in done if each.get("trouble")])


def _roots(project: Project) -> list[str]:
    found = project.section("globals")
    return list(dict.fromkeys((found["root"], found["files"])))


def _refuse_shared(env: str, roots: Iterable[str], others: Mapping[str, str]) -> None:
    """Raise if another environment keeps tables in the same place: ``podium lake clean`` could drop its tables, too."""
    from podium.lakehouse.storage import overlap

    for name, other in others.items():
        if any(overlap(root, other) for root in roots):
            raise PodiumError(
                f"Nothing was dropped, because {env} and {name} keep their tables in the same place ({other}), and "
                f"tables of {name} could be dropped, too. Give each environment a root of its own in "
                "conf/<env>/globals.yml."
            )


def _require_write(wanted: Iterable[tuple[str, str]]) -> None:
    from podium.lakehouse import access

    access.preflight(access.Wish("write", zone, name) for zone, name in wanted)


def _work(vacuum: bool, optimize: bool) -> Work | None:
    from podium.lakehouse.maintenance import Work

    return Work(vacuum=vacuum, optimize=optimize) if vacuum or optimize else None


def _drop(lot: Lot, roots: list[str], now: datetime, *, quiet: bool) -> None:
    from podium.lakehouse.expiry import drop

    for item in drop(lot, roots, now):
        if not quiet:
            click.echo(f"dropped  {item.name}")


def _look_after(
    places: Iterable[TableLocation | Item], work: Work | None, *, dry_run: bool, quiet: bool
) -> list[dict[str, Any]]:
    """Maintain each table, or only forecast the result if ``dry_run``. Print a line per table; return all results."""
    if work is None:
        return []
    done = []
    for place in places:
        said = {"name": place.name, "path": place.path, **(_foreseen if dry_run else _done)(place.path, work)}
        click.echo(_in_words(said), err=quiet)
        done.append(said)
    return done


def _foreseen(path: str, work: Work) -> dict[str, Any]:
    from podium.lakehouse.maintenance import foresee

    return asdict(foresee(path, work))


def _done(path: str, work: Work) -> dict[str, Any]:
    from podium.lakehouse.maintenance import maintain

    return asdict(maintain(path, work))


def _in_words(said: dict[str, Any]) -> str:
    if said.get("trouble"):
        return f"{said['name']}: FAILED: {said['trouble']}"
    if "after" not in said:
        return f"{said['name']}: {said['files']} current files; VACUUM would remove {said['removable']} others"
    freed = "" if said["freed"] is None else f", {_size(said['freed'])} freed"
    return f"{said['name']}: files {said['before']} -> {said['after']}{freed}, {said['seconds']:.1f} s"


def _print_lots(lots: list[Lot], now: datetime, project: Project, *, yes: bool) -> None:
    from rich.table import Table as Grid

    out, root = console(), project.root
    gone = [lot for lot in lots if lot.has_expired(now)]
    if gone:
        grid = Grid("name", "last write", "expired since", title=None, box=None, pad_edge=False, header_style="bold")
        grid.add_column("size", justify="right")
        for lot in gone:
            for item in lot.items:
                note = f" ({item.trouble})" if item.trouble else ""
                grid.add_row(
                    f"{item.name}{note}", day(_minute(item.written)), day(_minute(lot.expires)), _size(item.bytes)
                )
        out.print(grid)
    for lot in lots:
        out.print(_verdict(lot, now), soft_wrap=True, markup=False)
    if not lots:
        out.print(f"There are no tables or files in {root}.", soft_wrap=True, markup=False)
    elif not gone:
        out.print("Nothing has expired.")
    elif not yes:
        command = typed(f"podium lake clean --env {project.env} --yes")
        out.print(f"Nothing was dropped. To drop what has expired: {command}", soft_wrap=True, markup=False)


def _verdict(lot: Lot, now: datetime) -> str:
    size = f"{lot.namespace}: {sum(item.kind == 'table' for item in lot.items)} tables, {_size(lot.bytes)}"
    if lot.has_expired(now):
        return f"{size}, expired since {day(_minute(lot.expires))}"
    if lot.expires is not None:
        return f"{size}, kept until {day(_minute(lot.expires))}"
    broken = [f"{item.name}: {item.trouble}" for item in lot.keepers if item.trouble]
    first, *others = [item.name for item in lot.keepers]
    lack = f" and {len(others)} others have" if others else " has"
    why = f"expiry unknown: {'; '.join(broken)}" if broken else f"never expire, because {first}{lack} no retention"
    return f"{size}, {why}"


def _lot_as_json(lot: Lot, *, expired: bool) -> dict[str, Any]:
    items = [
        {"name": item.name, "kind": item.kind, "path": item.path, "written": item.written, "bytes": item.bytes}
        | {"expires": item.expires, "trouble": item.trouble}
        for item in lot.items
    ]
    return {"namespace": lot.namespace, "expired": expired, "expires": lot.expires, "bytes": lot.bytes, "items": items}


def _fail(wrong: Sequence[str]) -> None:
    if wrong:
        raise PodiumError("These tables failed; all other tables were processed:\n  " + "\n  ".join(wrong))


def _minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0, microsecond=0) if moment else None


def _size(size: int) -> str:
    from rich.filesize import decimal

    return f"-{decimal(-size)}" if size < 0 else decimal(size)
