"""Read CSV, JSON Lines and Parquet files as batches of text columns, exactly as received.

Two columns are added. ``row`` numbers the lines after the header from 1, malformed lines last. ``malformed`` holds the
text of a line that cannot be split into the columns of the header, and is null for other lines.
"""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from podium.errors import did_you_mean
from podium.lakehouse.batches import gathered
from podium.lakehouse.errors import LakehouseError

from .raw import as_text

__all__ = ["PACKED", "SUFFIXES", "UNREADABLE", "batches", "header", "unpacked", "wrong_columns"]

KINDS = (".csv", ".jsonl", ".parquet")
PACKED = (".zip", ".gz")
SUFFIXES = tuple(f"{kind}{packing}" for kind in KINDS for packing in ("", *PACKED))
BLOCK = 8 << 20
# Column separators other than the comma. A file with one of them is refused, and the error names the separator.
SEPARATORS = {"semicolons": ";", "tabs": "\t", "vertical bars": "|"}
UNREADABLE = (
    *(OSError, EOFError, UnicodeError, RecursionError, zipfile.BadZipFile, zlib.error),
    *(pa.ArrowException, LakehouseError),
)


def unpacked(name: str, stream: IO[bytes]) -> IO[bytes]:
    """The content of a file that may be zipped. The stream must be seekable."""
    if name.endswith(".gz"):
        return gzip.open(stream)  # type: ignore[return-value]
    if not name.endswith(".zip"):
        return stream
    archive = zipfile.ZipFile(stream)
    # Skip the files that macOS adds under __MACOSX/: they hold no rows, although their names look like those that do.
    inside = [each for each in archive.namelist() if each.endswith(KINDS) and not each.startswith("__MACOSX/")]
    if len(inside) != 1:
        raise LakehouseError(f"it holds {len(inside)} files with rows. It must hold exactly one")
    return archive.open(inside[0])


def kind(name: str) -> str:
    """The format of a file: ``.csv``, ``.jsonl`` or ``.parquet``."""
    for packing in PACKED:
        name = name.removesuffix(packing)
    return next(suffix for suffix in KINDS if name.endswith(suffix))


def header(name: str, stream: IO[bytes]) -> list[str]:
    """The column names of a file, whose content ``stream`` has not begun to read."""
    if kind(name) == ".csv":
        line = stream.readline().decode("utf-8-sig").strip()
        return [column.strip().strip('"') for column in line.split(",")]
    if kind(name) == ".parquet":
        return list(pq.read_schema(stream).names)
    first = stream.readline()
    return list(_json_row(first) or {}) if first.strip() else []


def wrong_columns(found: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Describe what is wrong with the columns of a file. Empty if nothing is."""
    if habit := _foreign_habit(found, columns):
        return [habit]
    missing = [name for name in columns if name not in found]
    doubled = [name for name, times in Counter(found).items() if times > 1]
    return [
        *[f"column {name} is missing{did_you_mean(name, found)}" for name in missing],
        *[f"column {name} appears more than once" for name in doubled],
    ]


def _foreign_habit(found: Sequence[str], columns: Sequence[str]) -> str | None:
    """Advice for a header whose columns only seem to be missing: its separator or its capital letters differ."""
    wanted, example = {name.lower() for name in columns}, ",".join(columns[:3])
    for name, separator in SEPARATORS.items():
        words = [word.strip().strip('"').lower() for word in ",".join(found).split(separator)]
        if len(words) > 1 and wanted <= set(words):
            return f"its columns are separated by {name}. Separate them by commas: {example},…"
    if not set(columns) <= set(found) and wanted <= {word.lower() for word in found}:
        return f"its header is capitalized differently. Write it as {example},…"
    return None


def batches(
    name: str, stream: IO[bytes], columns: Sequence[str], keep: Sequence[str], *, after: int = 0
) -> Iterator[pa.RecordBatch]:
    """Read the rows of a file as text.

    Args:
        name: the name of the file, whose ending is its format.
        stream: its content. A CSV file's stands after the header.
        columns: the columns of the file.
        keep: the columns to return, those among them that the file has.
        after: the number of the row before the first one.
    """
    kept = [column for column in columns if column in {*keep}]
    if kind(name) == ".csv":
        return _csv(stream, columns, kept, after)
    if kind(name) == ".jsonl":
        return _jsonl(stream, kept, after)
    return _parquet(stream, kept)


def _csv(stream: IO[bytes], columns: Sequence[str], kept: Sequence[str], after: int) -> Iterator[pa.RecordBatch]:
    malformed: dict[int, str] = {}

    def skip(row: Any) -> str:
        malformed[after + row.number] = row.text
        return "skip"

    try:
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(block_size=BLOCK, use_threads=False, column_names=list(columns)),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=skip),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={column: pa.string() for column in columns},
                include_columns=list(kept),
                strings_can_be_null=True,
                null_values=["", "NA"],
            ),
        )
    except pa.ArrowInvalid as wrong:
        if "Empty CSV file" in str(wrong):
            return
        raise
    number = after + 1
    for batch in reader:
        # The batch lacks its malformed rows, so skip their numbers.
        possible = np.arange(number, number + len(batch) + len(malformed))
        numbers = np.setdiff1d(possible, list(malformed))[: len(batch)]
        number = int(numbers[-1]) + 1 if len(batch) else number
        yield _batch(kept, batch.columns, pa.array(numbers, pa.int64()), pa.nulls(len(batch), pa.string()))
    if malformed:
        yield _only_malformed(kept, malformed)


def _jsonl(stream: IO[bytes], kept: Sequence[str], after: int) -> Iterator[pa.RecordBatch]:
    rows: dict[int, dict[str, Any]] = {}
    malformed: dict[int, str] = {}
    for number, line in enumerate(stream, start=after + 1):
        if (row := _json_row(line)) is None:
            malformed[number] = line.decode().rstrip("\n")
        else:
            rows[number] = row
        if len(rows) == 65_536:
            yield _json_batch(kept, rows)
            rows = {}
    if rows:
        yield _json_batch(kept, rows)
    if malformed:
        yield _only_malformed(kept, malformed)


def _json_row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _json_batch(kept: Sequence[str], rows: dict[int, dict[str, Any]]) -> pa.RecordBatch:
    values = [pa.array([_json_text(row.get(name)) for row in rows.values()], pa.string()) for name in kept]
    return _batch(kept, values, pa.array(rows, pa.int64()), pa.nulls(len(rows), pa.string()))


def _json_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _parquet(stream: IO[bytes], kept: Sequence[str]) -> Iterator[pa.RecordBatch]:
    number = 1
    for batch in gathered(pq.ParquetFile(stream).iter_batches(columns=list(kept))):
        text = as_text(pa.Table.from_batches([batch.select(list(kept))])).combine_chunks()
        numbers = pa.array(np.arange(number, number + len(batch)), pa.int64())
        number += len(batch)
        columns = [text[name].combine_chunks() for name in kept]
        yield _batch(kept, columns, numbers, pa.nulls(len(batch), pa.string()))


def _batch(kept: Sequence[str], values: Sequence[pa.Array], row: pa.Array, malformed: pa.Array) -> pa.RecordBatch:
    return pa.record_batch([*values, row, malformed], names=[*kept, "row", "malformed"])


def _only_malformed(kept: Sequence[str], lines: dict[int, str]) -> pa.RecordBatch:
    empty = [pa.nulls(len(lines), pa.string()) for _ in kept]
    return _batch(kept, empty, pa.array(lines, pa.int64()), pa.array(lines.values(), pa.string()))
