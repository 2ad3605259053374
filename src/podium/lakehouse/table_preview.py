"""Previews for kedro-viz: version, columns and a few rows of a table, and the pictures of a page.

delta-rs reads the rows, so no engine starts.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from pyspark.sql.types import StructType

from podium.lakehouse import access
from podium.lakehouse.preview_types import TablePreview

if TYPE_CHECKING:
    from podium.lakehouse.access import Grant

__all__ = ["pictures", "said", "table_of", "table_preview"]

# The maximum length of a text in a preview. Longer texts are cut.
LONGEST = 120
# Matches a picture in the HTML of a model card, or of a page that podium.reports writes.
PICTURE = re.compile(
    r'(?P<svg><svg role="img" aria-label="(?P<label>[^"]*)".*?</svg>)'
    r'|<img src="(?P<png>data:image/png;base64,[^"]*)" alt="(?P<alt>[^"]*)">',
    re.DOTALL,
)
# Matches the first block of colours in a page, which defines the page's light theme.
COLOURS = re.compile(r":root \{[^}]*\}")


def table_preview(path: str, version: int, rows: int, grant: Grant) -> TablePreview:
    """A preview of the first rows of a table's version. Columns that ``grant`` masks are masked.

    The header of the first column names the version.
    """
    table = DeltaTable(path, version=version)
    # Use QueryBuilder, which reads only the rows that it needs. A pyarrow dataset would decode whole row groups of a
    # million rows.
    found = QueryBuilder().register("it", table).execute(f"SELECT * FROM it LIMIT {rows:d}").read_all()
    shown = access.masked_rows(pa.table(found).to_pandas(integer_object_nulls=True), grant)
    columns = [f"version {version}", *_columns(table, grant)]
    cells = shown.itertuples(index=False, name=None)
    return table_of(columns, [[number, *row] for number, row in enumerate(cells, start=1)])


def said(text: str) -> TablePreview:
    """A preview that shows only a text."""
    return _preview(["no preview"], [[text]])


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> TablePreview:
    """A preview of rows, with every value as a short text or null."""
    return _preview(columns, [[_cell(value) for value in row] for row in rows])


def pictures(page: str) -> str:
    """Extract only the titles and pictures of a page, because kedro-viz shows no styles or scripts."""
    theme = COLOURS.search(page)
    style = f"<style>{theme[0] if theme else ''} svg {{ background: white }}</style>"
    found = [_picture(match, style) for match in PICTURE.finditer(page)]
    return "".join(found) or "<p>This page has no pictures.</p>"


def _picture(match: re.Match[str], style: str) -> str:
    title, source = match["label"] or match["alt"], match["png"]
    if match["svg"]:
        # Embed the SVG as an image. If it were inlined, kedro-viz would read the underscores in it as Markdown.
        alone = match["svg"].replace(">", f">{style}", 1)
        source = f"data:image/svg+xml;base64,{base64.b64encode(alone.encode()).decode()}"
    return f'<h3>{title}</h3><img src="{source}" alt="{title}" width="100%">'


def _preview(columns: Sequence[str], data: list[list[str | None]]) -> TablePreview:
    return TablePreview({"index": list(range(len(data))), "columns": list(columns), "data": data})


def _columns(table: DeltaTable, grant: Grant) -> list[str]:
    """Describe each column: its name, its type in Spark's notation, and whether it is masked."""
    fields = StructType.fromJson(json.loads(table.schema().to_json())).fields
    masked = {field.name for field in fields if field.name.lower() in grant.masks}
    return [f"{f.name}: {f.dataType.simpleString()}{', masked' if f.name in masked else ''}" for f in fields]


def _cell(value: Any) -> str | None:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
