"""The exploration page: pictures with their findings, then the profile of each table."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from podium.domains.base import Domain
from podium.pipelines.eda.page_picture import PagePicture

__all__ = ["render_page"]

TEMPLATE = Path(__file__).parent / "templates" / "eda.html"
LONGEST = 60
MINUTES = len("2013-01-01 00:00")


def render_page(domain: Domain, as_of: datetime, profile: pd.DataFrame, pictures: Sequence[PagePicture]) -> str:
    """Return the self-contained page. Equal arguments give equal bytes: it holds no clock time, path or random name."""
    from podium.reports.page import render

    sections = list(_sections(profile))
    known = profile.loc[profile["column"] == "known_at", "max"].dropna()
    return render(
        TEMPLATE,
        domain=domain,
        as_of=as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        newest=f"{known.max()[:MINUTES]} UTC" if len(known) else "-",
        pictures=pictures,
        sections=sections,
        rows=sum(section["rows"] for section in sections),
        columns=len(profile),
    )


def _sections(profile: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield what the template shows of each table, in the order of the profile."""
    for name, columns in profile.groupby("table", sort=False):
        rows = int(columns["rows"].iloc[0])
        yield {"name": name, "rows": rows, "columns": [_column(column) for column in columns.to_dict("records")]}


def _column(found: dict[Any, Any]) -> dict[str, Any]:
    present = found["rows"] - found["missing"]
    edges = [found["min"], found["max"]] if isinstance(found["min"], str) else []
    is_time = found["type"].startswith(("date", "timestamp"))
    top = json.loads(found["top"]) if isinstance(found["top"], str) else []
    return {
        "name": found["column"],
        "type": found["type"],
        "missing": found["missing"] / found["rows"] if found["rows"] else None,
        "distinct": found["distinct"],
        "unique": present > 1 and found["distinct"] == present,
        "range": [edge[:MINUTES] if is_time else float(edge) for edge in edges],
        "mean": None if pd.isna(found["mean"]) else found["mean"],
        "top": [(_short(value), count / present) for value, count in top],
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
