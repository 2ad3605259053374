"""``podium lake features``: print the definitions of all features."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from podium.errors import PodiumError, did_you_mean
from podium.features.listing import list_features
from podium.registered import domains, problems

from .options import as_json, console

if TYPE_CHECKING:
    from datetime import timedelta

    from podium.features.listing import ListedFeature

__all__ = ["print_features"]


def print_features(word: str, *, wants_json: bool) -> None:
    """Print the features in which a word occurs, or all features if the word is empty.

    Raises:
        PodiumError: the word occurs in none.
    """
    found = list_features(domains(), problems(), word)
    if word and not found:
        names = [name for each in list_features(domains(), problems()) for name in (each.feature, each.table)]
        raise PodiumError(f"No feature matches {word!r}{did_you_mean(word, names)}. podium lake features lists all.")
    if wants_json:
        as_json([asdict(each) | {"freshness": _span(each.freshness) or None} for each in found])
    else:
        _print(found)


def _print(found: list[ListedFeature]) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    out = console()
    for _, features in groupby(found, lambda each: (each.table, each.owner, each.entity)):
        listed = list(features)
        first = listed[0]
        title = first.table or f"request of {first.used_by[0]}"
        of = f"{'by' if first.table else 'from'} {', '.join(first.entity)}"
        fresh = f", fresh for {_span(first.freshness)}" if first.freshness else ""
        users = ", ".join(first.used_by) or "nobody"
        out.print(f"[bold]{escape(title)}[/] {of}{fresh}; owner: {first.owner}; used by: {users}", soft_wrap=True)
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
