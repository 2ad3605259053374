"""Which tables there are: found where the catalog would put them, described by their Delta logs alone.

In a folder or an object store no engine is started and no data are read. A Unity Catalog is asked by the engine's SQL.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from pyarrow import fs

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.handle import CATALOG

__all__ = [
    "Table",
    "TableLocation",
    "find_files",
    "find_places",
    "find_tables",
    "fitting",
    "rows_where",
    "table_places",
]

DATASET = "podium.lakehouse.table.DeltaDataset"
LOG = "_delta_log"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
ESCAPED = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, kw_only=True)
class TableLocation:
    """Where a table is, or would be.

    Attributes:
        name: as in the catalog, ``<problem>.<zone>_<table>``.
        problem: the problem whose table it is.
        zone: the part of the lakehouse that it belongs to.
        path: where it lies.
    """

    name: str
    problem: str
    zone: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Table(TableLocation):
    """A Delta table as its log describes it.

    Attributes:
        rows: as its files report them.
        version: of its last commit.
    """

    rows: int
    version: int


def find_tables(catalog: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Every Delta table of every problem, by name.

    Args:
        catalog: the entries of the catalog as they are configured, dataset factories and all.
    """
    return [_describe(place) for place in table_places(catalog)]


def table_places(catalog: Mapping[str, Mapping[str, Any]]) -> list[TableLocation]:
    """Where every Delta table is that has a commit, readable or not, by name."""
    return [place for place in find_places(catalog) if place.path.startswith(CATALOG) or _has_commit(place.path)]


def find_places(catalog: Mapping[str, Mapping[str, Any]], below: str = LOG) -> list[TableLocation]:
    """Every place for a table that holds ``below``, by name; with nothing named, all that fit."""
    own = {
        name: entry
        for name, entry in catalog.items()
        # An entry without a zone of its own is a second door to a table that another entry names.
        if entry.get("type") == DATASET and not PLACEHOLDER.search(entry["zone"])
    }
    found: dict[str, TableLocation] = {}
    # Where two entries fit one path, the one that leaves less open names it.
    for name in sorted(own, key=lambda name: len(PLACEHOLDER.findall(own[name]["path"]))):
        zone = own[name]["zone"]
        for path, names in fitting(own[name]["path"], below):
            if path not in found:
                found[path] = TableLocation(name=name.format(**names), problem=names["problem"], zone=zone, path=path)
    return sorted(found.values(), key=lambda place: place.name)


def find_files(catalog: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, str]:
    """The files that exist of the catalog's entries called ``<problem>.<prefix>...``: name -> URL."""
    return {
        name.format(**names): path if "://" in path else Path(path).absolute().as_uri()
        for name, entry in catalog.items()
        if name.partition(".")[2].startswith(prefix) and "filepath" in entry
        for path, names in fitting(entry["filepath"])
    }


def rows_where(table: Table, **equal: str) -> list[dict[str, Any]]:
    """The rows of a table of few rows, in which each of these columns has that value.

    Raises:
        AccessError: whoever asks may not read the table's zone.
    """
    access.require("read", table.zone, table.name)
    if table.path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.rows_where(table.path, **equal)
    condition = pc.scalar(True)
    for column, value in equal.items():
        condition &= pc.field(column) == value
    return DeltaTable(table.path).to_pyarrow_dataset().to_table(filter=condition).to_pylist()


def fitting(pattern: str, below: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Paths that fit a pattern such as ``data/{problem}/bronze/{table}``, with what the names stand for.

    Only those that hold ``below`` count. In a Unity Catalog there are tables only.
    """
    if pattern.startswith(CATALOG):
        yield from _named(pattern)
        return
    steps = pattern.split("/")
    fixed = next((i for i, step in enumerate(steps) if PLACEHOLDER.search(step)), len(steps) - 1)
    open_steps = [*steps[fixed:], *([below] if below else [])]
    folder = "/".join(steps[:fixed])
    found = _stored(folder, open_steps) if "://" in pattern else _on_disk(folder, open_steps)
    exact = _exact(pattern)
    ending = f"/{below}" if below else ""
    for path in sorted(each.removesuffix(ending) for each in found):
        if fits := exact.fullmatch(path):
            yield path, fits.groupdict()


def _has_commit(path: str) -> bool:
    """A table that was being dropped may have an empty log."""
    try:
        return DeltaTable.is_deltatable(path)
    except TableNotFoundError:
        return False


def _exact(pattern: str) -> re.Pattern[str]:
    return re.compile(ESCAPED.sub(r"(?P<\1>[^/]+)", re.escape(pattern)))


def _on_disk(folder: str, steps: list[str]) -> Iterator[str]:
    anything = "/".join(PLACEHOLDER.sub("*", step) for step in steps)
    return (found.as_posix() for found in Path(folder).glob(anything))


def _stored(folder: str, steps: list[str]) -> Iterator[str]:
    """The same in an object store: one request for each folder on the way."""
    from podium.lakehouse.files import open_store

    store, path = open_store(folder)
    base = path.rstrip("/")
    for found in _below(store, base, steps):
        yield f"{folder}{found.removeprefix(base)}"


def _below(store: fs.FileSystem, base: str, steps: list[str]) -> Iterator[str]:
    step, *rest = steps
    exact = _exact(step)
    inside = store.get_file_info(fs.FileSelector(base, allow_not_found=True))
    for found in [f"{base}/{info.base_name}" for info in inside if exact.fullmatch(info.base_name)]:
        if rest:
            yield from _below(store, found, rest)
        else:
            yield found


def _named(pattern: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Tables of a Unity Catalog: ``uc://catalog/schema/zone/table`` is called ``catalog.schema.zone_table``."""
    from podium.lakehouse import unity_catalog

    catalog, schema, *table = pattern.removeprefix(CATALOG).split("/")
    for names in unity_catalog.names(catalog, _exact(schema), _exact("_".join(table))):
        yield pattern.format(**names), names


def _describe(place: TableLocation) -> Table:
    if place.path.startswith(CATALOG):
        # Not before: that takes PySpark, and a listing of a folder should come at once.
        from podium.lakehouse import unity_catalog
        from podium.lakehouse.handle import handle

        return Table(**vars(place), rows=unity_catalog.count(place.path), version=handle(place.path).version())
    try:
        table = DeltaTable(place.path)
    except DeltaError as broken:
        raise LakehouseError(
            f"The log of {place.name} in {place.path} cannot be read: {str(broken).splitlines()[0]}. Restore it from a "
            "backup, or remove the folder and run the pipeline that writes it."
        ) from broken
    return Table(**vars(place), rows=_rows(table), version=table.version())


def _rows(table: DeltaTable) -> int:
    """The number of rows that the log knows; a writer may leave it out, then the files' own footers are asked."""
    counts = pa.table(table.get_add_actions())["num_records"]
    if counts.null_count:
        return table.to_pyarrow_dataset().count_rows()
    return pc.sum(counts).as_py() or 0
