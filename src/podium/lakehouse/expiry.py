"""Drop expired tables. A table property says how long a table is kept.

All tables of a domain, or of a problem, expire together. If one of them lacks the property, none of its tables and
files expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.handle import CATALOG
from podium.lakehouse.listing import DATASET, PLACEHOLDER, find_places, fitting, table_places
from podium.lakehouse.retention import RETENTION, time_span
from podium.lakehouse.storage import prune, remove_files, remove_table, require_inside, usage

__all__ = ["Item", "ItemKind", "Lot", "drop", "find_lots"]

# Maintenance operations change no rows, so they do not count as a table's last write.
UPKEEP = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES")
# Drop these tables first, because they mark other tables as complete. If a run starts halfway through the
# drop, it then finds no marks and writes the other tables again.
RECORDS = ("/features/refreshes", "/quarantine/intake", "/quarantine/marks", "/predictions/marks")


class ItemKind(StrEnum):
    """Whether an item is a table, the remains of a dropped table, or a folder of files."""

    TABLE = "table"
    REMAINS = "remains"
    FILES = "files"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A table or a folder of files that belongs to a domain or problem.

    Attributes:
        name: its name in the catalog.
        kind: ``table``; ``remains`` of a dropped table, files without a log; or ``files``: landed sources and pages.
        zone: the zone of the lakehouse that it belongs to.
        path: its path or URL.
        written: when rows were last written, in UTC. None if unknown.
        retention: how long it is kept after that. None keeps it for ever.
        bytes: its size.
        trouble: what is wrong with it. Empty if nothing is.
    """

    name: str
    kind: ItemKind
    zone: str
    path: str
    written: datetime | None
    retention: timedelta | None
    bytes: int
    trouble: str = ""

    @property
    def expires(self) -> datetime | None:
        """The time at which the item alone would expire. None if it never expires."""
        return self.written + self.retention if self.written and self.retention is not None else None


@dataclass(frozen=True, kw_only=True)
class Lot:
    """All tables and files of a domain or problem in an environment, which expire together.

    Their time of expiry is the latest among the tables. If there are no tables, it is the latest among the files.
    """

    namespace: str
    items: tuple[Item, ...]

    @property
    def deciding(self) -> tuple[Item, ...]:
        """The items that decide when the lot expires: the tables, or all items if there are no tables."""
        return tuple(item for item in self.items if item.kind is ItemKind.TABLE) or self.items

    @property
    def expires(self) -> datetime | None:
        """The time at which all items expire. None if they never expire."""
        moments = [item.expires for item in self.deciding]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and len(known) == len(moments) else None

    @property
    def keepers(self) -> tuple[Item, ...]:
        """The items that never expire and so keep all others: tables, or files if there are no tables."""
        return tuple(item for item in self.deciding if item.expires is None)

    @property
    def bytes(self) -> int:
        """The total size of the items in bytes."""
        return sum(item.bytes for item in self.items)

    def has_expired(self, now: datetime) -> bool:
        """Whether all items have expired."""
        return self.expires is not None and self.expires <= now


def find_lots(catalog: Mapping[str, Mapping[str, Any]]) -> list[Lot]:
    """The tables and files of every domain and problem, sorted by its name.

    Args:
        catalog: the configured entries of the catalog, including dataset factories.
    """
    lots: dict[str, list[Item]] = {}
    for namespace, item in [*_tables(catalog), *_remains(catalog), *_files(catalog)]:
        lots.setdefault(namespace, []).append(item)
    return [Lot(namespace=namespace, items=tuple(items)) for namespace, items in sorted(lots.items())]


def drop(lot: Lot, roots: Iterable[str], now: datetime) -> Iterator[Item]:
    """Drop all items of a domain or problem if they have expired, and yield each item after dropping it.

    If the drop is killed, a run can start from what is left, and the next call completes the drop. Files are dropped
    first, because a run writes them again, and because only the tables say when everything expires. Next come the
    tables that mark other tables as complete, then all other tables.

    Raises:
        LakehouseError: an item has not expired, was written meanwhile, or is outside of the environment's roots.
            Nothing was dropped then.
    """
    roots = list(roots)
    if not lot.has_expired(now):
        raise LakehouseError(f"The tables and files of {lot.namespace} have not expired, so nothing was dropped.")
    require_inside((item.path for item in lot.items), roots)
    for item in lot.items:
        if item.kind is ItemKind.TABLE and _last_write(item.path) != item.written:
            raise LakehouseError(
                f"No table or file of {lot.namespace} was dropped: {item.name} has just been written, after this "
                "command had listed it. Run the command again."
            )
    for item in sorted(lot.items, key=_turn):
        _remove(item)
        for root in roots:
            prune(item.path, root)
        yield item


def _turn(item: Item) -> tuple[int, bool, str]:
    kinds = (ItemKind.FILES, ItemKind.TABLE, ItemKind.REMAINS)
    return kinds.index(item.kind), not item.path.endswith(RECORDS), item.name


def _remove(item: Item) -> None:
    if item.path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        unity_catalog.drop(item.path)
    elif item.kind is ItemKind.TABLE:
        remove_table(item.path)
    else:
        remove_files(item.path)


def _tables(catalog: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Item]]:
    for place in table_places(catalog):
        written, retention, trouble = _facts(place.path)
        yield (
            place.namespace,
            Item(
                name=place.name,
                kind=ItemKind.TABLE,
                zone=place.zone,
                path=place.path,
                written=written,
                retention=retention,
                bytes=_bytes(place.path),
                trouble=trouble,
            ),
        )


def _facts(path: str) -> tuple[datetime | None, timedelta | None, str]:
    """The time of a table's last write, its retention, and a text that says what is wrong with the table."""
    try:
        text = _properties(path).get(RETENTION)
        return _last_write(path), time_span(text) if text else None, ""
    except DeltaError as broken:
        return None, None, f"its log cannot be read ({str(broken).splitlines()[0]})"
    except LakehouseError as wrong:
        return None, None, f"its property {RETENTION}: {wrong}"


def _properties(path: str) -> Mapping[str, str]:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.properties(path)
    return DeltaTable(path).metadata().configuration


def _last_write(path: str) -> datetime:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        commits = unity_catalog.operations(path)
    else:
        history = DeltaTable(path).history()
        commits = [(each["operation"], datetime.fromtimestamp(each["timestamp"] / 1000, UTC)) for each in history]
    writes = [moment for operation, moment in commits if operation not in UPKEEP]
    # The log sometimes holds only maintenance commits, because Delta deletes old commits. In that case, return the time
    # of the oldest commit in the log.
    return writes[0] if writes else commits[-1][1]


def _bytes(path: str) -> int:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.size(path)[1]
    return usage(path).bytes


def _remains(catalog: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Item]]:
    """Yield table folders that hold files but no Delta log, because a drop of the table did not finish."""
    tables = {place.path for place in table_places(catalog)}
    kept = _retention(catalog)
    for place in find_places(catalog, below=""):
        if place.path not in tables and (used := usage(place.path)).files:
            trouble = "files without a Delta log"
            yield place.namespace, _item(place.name, ItemKind.REMAINS, place.zone, place.path, used, kept, trouble)


def _files(catalog: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Item]]:
    """Yield the landed sources and HTML pages of every domain and problem."""
    kept = _retention(catalog)
    for name, entry in catalog.items():
        if entry.get("type") == DATASET or "zone" not in entry or PLACEHOLDER.search(entry["zone"]):
            continue
        for path, names in fitting(entry.get("filepath") or entry["path"]):
            full = name.format(**names)
            yield full.partition(".")[0], _item(full, ItemKind.FILES, entry["zone"], path, usage(path), kept)


def _item(
    name: str, kind: ItemKind, zone: str, path: str, used: Any, kept: timedelta | None, trouble: str = ""
) -> Item:
    return Item(
        name=name,
        kind=kind,
        zone=zone,
        path=path,
        written=used.newest,
        retention=kept,
        bytes=used.bytes,
        trouble=trouble,
    )


def _retention(catalog: Mapping[str, Mapping[str, Any]]) -> timedelta | None:
    """The longest retention in the environment's catalog. None if one of its entries keeps tables for ever."""
    texts = [entry.get("retention") for entry in catalog.values() if entry.get("type") == DATASET]
    return max((time_span(text) for text in texts if text), default=None) if texts and all(texts) else None
