"""Which tables there are: found on disk where the catalog would put them, described by their Delta logs alone.

No engine is started and no data are read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

__all__ = ["Table", "find_files", "find_tables", "rows_where"]

DATASET = "podium.lakehouse.table.DeltaDataset"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
ESCAPED = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A Delta table as its log describes it.

    Attributes:
        name: as in the catalog, ``<problem>.<zone>_<table>``.
        problem: the problem whose table it is.
        zone: the part of the lakehouse that it belongs to.
        path: where it lies.
        rows: as its files report them.
        version: of its last commit.
    """

    name: str
    problem: str
    zone: str
    path: str
    rows: int
    version: int


def find_tables(catalog: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Every Delta table of every problem, by name.

    Args:
        catalog: the entries of the catalog as they are configured, dataset factories and all.
    """
    own = {
        name: entry
        for name, entry in catalog.items()
        # An entry without a zone of its own is a second door to a table that another entry names.
        if entry.get("type") == DATASET and not PLACEHOLDER.search(entry["zone"])
    }
    found: dict[str, Table] = {}
    # Where two entries fit one path, the one that leaves less open names it.
    for name in sorted(own, key=lambda name: len(PLACEHOLDER.findall(own[name]["path"]))):
        for path, names in _fitting(own[name]["path"], below="_delta_log"):
            if path not in found:
                found[path] = _describe(name.format(**names), names["problem"], own[name]["zone"], path)
    return sorted(found.values(), key=lambda table: table.name)


def find_files(catalog: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, Path]:
    """The files that exist of the catalog's entries called ``<problem>.<prefix>...``: name -> path."""
    return {
        name.format(**names): Path(path)
        for name, entry in catalog.items()
        if name.partition(".")[2].startswith(prefix) and "filepath" in entry
        for path, names in _fitting(entry["filepath"])
    }


def rows_where(table: Table, **equal: str) -> list[dict[str, Any]]:
    """The rows of a table of few rows, in which each of these columns has that value."""
    condition = pc.scalar(True)
    for column, value in equal.items():
        condition &= pc.field(column) == value
    return DeltaTable(table.path).to_pyarrow_dataset().to_table(filter=condition).to_pylist()


def _fitting(pattern: str, below: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Paths on disk that fit a pattern such as ``data/{problem}/bronze/{table}``, with what the names stand for.

    Only those that hold ``below`` count.
    """
    steps = pattern.split("/")
    fixed = next((i for i, step in enumerate(steps) if PLACEHOLDER.search(step)), len(steps) - 1)
    anything = "/".join(PLACEHOLDER.sub("*", step) for step in steps[fixed:])
    exact = re.compile(ESCAPED.sub(r"(?P<\1>[^/]+)", re.escape(pattern)))
    for found in sorted(Path("/".join(steps[:fixed])).glob(f"{anything}/{below}" if below else anything)):
        path = found.parent.as_posix() if below else found.as_posix()
        if fits := exact.fullmatch(path):
            yield path, fits.groupdict()


def _describe(name: str, problem: str, zone: str, path: str) -> Table:
    table = DeltaTable(path)
    return Table(name=name, problem=problem, zone=zone, path=path, rows=_rows(table), version=table.version())


def _rows(table: DeltaTable) -> int:
    """The number of rows that the log knows; a writer may leave it out, then the files' own footers are asked."""
    counts = pa.table(table.get_add_actions())["num_records"]
    if counts.null_count:
        return table.to_pyarrow_dataset().count_rows()
    return pc.sum(counts).as_py() or 0
