"""``podium lake features``: print the definitions of all features."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from podium.errors import PodiumError, did_you_mean
from podium.features.listing import list_features
from podium.registered import domains, problems

from .options import as_json, console, day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from podium.features.listing import ListedFeature

    from .project import Project

__all__ = ["print_features"]

# The ending of the tables that record how far feature tables are computed.
REFRESHES = ".features_refreshes"


def print_features(project: Project, word: str, *, wants_json: bool) -> None:
    """Print the features in which a word occurs, or all features if the word is empty.

    Raises:
        PodiumError: the word occurs in none.
    """
    found = list_features(domains(), problems(), word)
    if word and not found:
        names = [name for each in list_features(domains(), problems()) for name in (each.feature, each.table)]
        raise PodiumError(f"No feature matches {word!r}{did_you_mean(word, names)}. podium lake features lists all.")
    with project.prepared():
        ends = _ends(project)
    if wants_json:
        as_json(
            [
                asdict(each) | {"freshness": _span(each.freshness) or None, "computed_until": ends.get(each.table)}
                for each in found
            ]
        )
    else:
        _print(found, ends)


def _ends(project: Project) -> dict[str, datetime]:
    """The time up to which the environment has computed each feature table."""
    from podium.lakehouse.listing import find_tables, rows_where

    records = [each for each in find_tables(project.section("catalog")) if each.name.endswith(REFRESHES)]
    return {
        f"{record.namespace}.features_{row['table']}": row["until"] for record in records for row in rows_where(record)
    }


def _print(found: list[ListedFeature], ends: Mapping[str, datetime]) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    out = console()
    for table, features in groupby(found, lambda each: each.table or f"request of {each.used_by[0]}"):
        listed = list(features)
        first = listed[0]
        facts = [f"{'by' if first.table else 'from'} {', '.join(first.entity)}", f"owner: {first.owner}"]
        facts += [f"used by: {', '.join(first.used_by) or 'no problem'}"]
        if first.table:
            facts += [f"fresh for {_span(first.freshness)}", f"computed until: {day(ends.get(table)) or 'never'}"]
        out.print(f"[bold]{escape(table)}[/]: {escape('; '.join(facts))}", soft_wrap=True)
        grid = Grid(box=None, pad_edge=False, show_header=False)
        for each in listed:
            grid.add_row(f"  {each.feature}", each.type, each.unit, each.description)
        out.print(grid)
    out.print(f"{len(found)} feature{'s' if len(found) > 1 else ''}")


def _span(span: timedelta | None) -> str:
    if span is None:
        return ""
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return (
        f"{hours // 24} days"
        if hours >= 48 and hours % 24 == 0
        else f"{hours} hours"
        if hours
        else f"{minutes} minutes"
    )
