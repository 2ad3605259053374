"""What kedro-viz shows of tables and pages: version, columns and a few rows; pictures. No engine is started.

delta-rs reads the rows.
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

# A cell of a preview is no place to read a document.
LONGEST = 120
# A picture as the pages of ``podium.reports`` and model cards hold it.
PICTURE = re.compile(
    r'(?P<svg><svg role="img" aria-label="(?P<label>[^"]*)".*?</svg>)'
    r'|<img src="(?P<png>data:image/png;base64,[^"]*)" alt="(?P<alt>[^"]*)">',
    re.DOTALL,
)
# The first colours of a page are those of its light theme.
COLOURS = re.compile(r":root \{[^}]*\}")


def table_preview(path: str, version: int, rows: int, grant: Grant) -> TablePreview:
    """Rows of a version as the grant lets them be seen; the head of the first column names the version."""
    table = DeltaTable(path, version=version)
    # Reads no more of a file than it needs. A dataset of pyarrow would decode whole row groups, a million rows each.
    found = QueryBuilder().register("it", table).execute(f"SELECT * FROM it LIMIT {rows:d}").read_all()
    shown = access.masked_rows(pa.table(found).to_pandas(integer_object_nulls=True), grant)
    columns = [f"version {version}", *_columns(table, grant)]
    cells = shown.itertuples(index=False, name=None)
    return table_of(columns, [[number, *row] for number, row in enumerate(cells, start=1)])


def said(text: str) -> TablePreview:
    """Words in the place of a preview."""
    return _preview(["no preview"], [[text]])


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> TablePreview:
    """Rows as kedro-viz takes them: short texts, and nulls."""
    return _preview(columns, [[_cell(value) for value in row] for row in rows])


def pictures(page: str) -> str:
    """The pictures of a page with their titles, and nothing else of it: kedro-viz takes no styles and no scripts."""
    theme = COLOURS.search(page)
    style = f"<style>{theme[0] if theme else ''} svg {{ background: white }}</style>"
    found = [_picture(match, style) for match in PICTURE.finditer(page)]
    return "".join(found) or "<p>There is no picture in this page.</p>"


def _picture(match: re.Match[str], style: str) -> str:
    title, source = match["label"] or match["alt"], match["png"]
    if match["svg"]:
        # As an image of its own, and not inline: kedro-viz takes underscores in it for Markdown.
        alone = match["svg"].replace(">", f">{style}", 1)
        source = f"data:image/svg+xml;base64,{base64.b64encode(alone.encode()).decode()}"
    return f'<h3>{title}</h3><img src="{source}" alt="{title}" width="100%">'


def _preview(columns: Sequence[str], data: list[list[str | None]]) -> TablePreview:
    return TablePreview({"index": list(range(len(data))), "columns": list(columns), "data": data})


def _columns(table: DeltaTable, grant: Grant) -> list[str]:
    """Each column with its type, as Spark calls it."""
    fields = StructType.fromJson(json.loads(table.schema().to_json())).fields
    masked = {field.name for field in fields if field.name.lower() in grant.masks}
    return [f"{f.name}: {f.dataType.simpleString()}{', masked' if f.name in masked else ''}" for f in fields]


def _cell(value: Any) -> str | None:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
