"""List existing tables: find them at the catalog's paths, and describe them by their Delta logs.

For a folder or an object store this starts no engine and reads no data. Unity Catalog is queried by the engine's SQL.
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
    """The name, namespace, zone and path of a table that may or may not exist.

    Attributes:
        name: its name in the catalog, ``<namespace>.<zone>_<table>``.
        namespace: the domain or problem that the table belongs to.
        zone: the zone of the lakehouse that it belongs to.
        path: its path or URL.
    """

    name: str
    namespace: str
    zone: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Table(TableLocation):
    """An existing Delta table, with the number of rows and the newest version that its log records.

    Attributes:
        rows: number of rows.
        version: newest version.
    """

    rows: int
    version: int


def find_tables(catalog: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Every Delta table of every domain and problem, sorted by name.

    Args:
        catalog: the configured entries of the catalog, including dataset factories.
    """
    return [_describe(place) for place in table_places(catalog)]


def table_places(catalog: Mapping[str, Mapping[str, Any]]) -> list[TableLocation]:
    """The locations of all Delta tables that have a commit, readable or not, sorted by name."""
    return [place for place in find_places(catalog) if place.path.startswith(CATALOG) or _has_commit(place.path)]


def find_places(catalog: Mapping[str, Mapping[str, Any]], below: str = LOG) -> list[TableLocation]:
    """The locations of tables whose path exists and contains ``below``, by default a Delta log, sorted by name."""
    own = {
        name: entry
        for name, entry in catalog.items()
        # Skip an alias, whose zone is a placeholder, or which says so: another entry names the same table.
        if entry.get("type") == DATASET
        and not PLACEHOLDER.search(entry["zone"])
        and not entry.get("alias_of")
        and not entry.get("for_update")
    }
    found: dict[str, TableLocation] = {}
    # If two catalog entries match a path, the entry with fewer placeholders names the table.
    for name in sorted(own, key=lambda name: len(PLACEHOLDER.findall(own[name]["path"]))):
        zone = own[name]["zone"]
        for path, names in fitting(own[name]["path"], below):
            if path not in found:
                full = name.format(**names)
                found[path] = TableLocation(name=full, namespace=full.partition(".")[0], zone=zone, path=path)
    return sorted(found.values(), key=lambda place: place.name)


def find_files(catalog: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, str]:
    """Map catalog entries called ``<namespace>.<prefix>...`` to the URLs of their files. Leave out missing files."""
    return {
        name.format(**names): path if "://" in path else Path(path).absolute().as_uri()
        for name, entry in catalog.items()
        if name.partition(".")[2].startswith(prefix) and "filepath" in entry
        for path, names in fitting(entry["filepath"])
    }


def rows_where(table: Table, **equal: str) -> list[dict[str, Any]]:
    """The rows of a small table that have the given values in the given columns.

    Raises:
        AccessError: the principal may not read the table's zone.
    """
    access.require("read", table.zone, table.name)
    if table.path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.rows_where(table.path, **equal)
    condition = pc.scalar(True)
    for column, value in equal.items():
        condition &= pc.field(column) == value
    # Read without threads: with deltalake 1.6.6 and pyarrow 25.0, threads that have read a table often abort a process
    # that ends soon after ("terminate called without an active exception").
    return DeltaTable(table.path).to_pyarrow_dataset().to_table(filter=condition, use_threads=False).to_pylist()


def fitting(pattern: str, below: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Existing paths that match a pattern such as ``data/{domain}/bronze/{table}``, with the placeholders' values.

    ``below`` is a file or folder that a path must contain. For Unity Catalog it is ignored: every match is a table.
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
    """Whether the table has a commit. After an unfinished drop, its log can be empty."""
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
    """Find paths in an object store as ``_on_disk`` does on disk, with one request per folder."""
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
    """Yield the matches in Unity Catalog. ``uc://catalog/schema/zone/table`` is ``catalog.schema.zone_table``."""
    from podium.lakehouse import unity_catalog

    catalog, schema, *table = pattern.removeprefix(CATALOG).split("/")
    for names in unity_catalog.names(catalog, _exact(schema), _exact("_".join(table))):
        yield pattern.format(**names), names


def _describe(place: TableLocation) -> Table:
    if place.path.startswith(CATALOG):
        # Imported here because it loads PySpark, which listing a folder does not need.
        from podium.lakehouse import unity_catalog
        from podium.lakehouse.handle import handle

        return Table(**vars(place), rows=unity_catalog.count(place.path), version=handle(place.path).version())
    try:
        table = DeltaTable(place.path)
    except DeltaError as broken:
        raise LakehouseError(
            f"The log of {place.name} in {place.path} cannot be read: {str(broken).splitlines()[0]}. Restore it from a "
            "backup, or remove the folder and run the pipeline that writes the table."
        ) from broken
    return Table(**vars(place), rows=_rows(table), version=table.version())


def _rows(table: DeltaTable) -> int:
    """The table's number of rows: from the log or, if a writer did not record it there, from the Parquet footers."""
    counts = pa.table(table.get_add_actions())["num_records"]
    if counts.null_count:
        return table.to_pyarrow_dataset().count_rows()
    return pc.sum(counts).as_py() or 0
