"""Print the rows of a query as a grid, and convert values to JSON."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .options import console

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.text import Text

__all__ = ["cell", "count", "plain", "print_rows"]

# Control characters. Output escapes them, because a value that contains them could send commands to the terminal.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def print_rows(rows: pa.Table, more: bool) -> None:
    """Print rows as a grid, or one value a line if the grid is wider than the terminal. Then print their number."""
    from rich.table import Table as Grid

    out = console()
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    columns = [column.to_pylist() for column in rows.columns]
    for name, values in zip(rows.column_names, columns, strict=True):
        is_number = any(isinstance(value, int | float | Decimal) for value in values)
        grid.add_column(cell(name), justify="right" if is_number else "left", overflow="fold")
    for row in zip(*columns, strict=True):
        grid.add_row(*map(cell, row))
    wide = out.measure(grid, options=out.options.update(max_width=1_000_000)).maximum
    if not out.is_terminal:
        out.width = max(out.width, wide)
    if wide <= out.width:
        out.print(grid)
    else:
        _print_one_by_one(rows.column_names, columns)
    out.print(f"Only the first {count(len(rows))}. Raise --limit for more." if more else f"{count(len(rows))}.")


def _print_one_by_one(names: list[str], columns: list[list[Any]]) -> None:
    """Print each row as a grid of its own, with one line for each column: name and value."""
    from rich.table import Table as Grid

    out = console()
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        grid = Grid("row", f"{number}", box=None, pad_edge=False, header_style="bold")
        for name, value in zip(names, row, strict=True):
            grid.add_row(cell(name), cell(value))
        out.print(grid)


def plain(value: Any) -> Any:
    """Convert a value for JSON: decimals to floats, bytes to hexadecimal. Times stay: ``as_json`` converts them."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Decimal | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int | date | time) else str(value)


def count(rows: int) -> str:
    """Format a number of rows, such as ``1 row`` or ``1,234 rows``."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def cell(value: Any) -> Text:
    """A value as text: times in UTC with a Z, null in grey, control characters escaped."""
    from rich.text import Text

    if value is None:
        return Text("null", style="dim")
    return Text(CONTROL.sub(lambda found: ascii(found[0])[1:-1], _words(value)))


def _words(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None)}{'Z' if value.tzinfo else ''}"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, bytes):
        return value.hex()
    return str(plain(value) if isinstance(value, dict | list) else value)
