"""What has expired: tables carry how long they are kept after their last write, and those of a problem go together.

A table without that property never expires, nor does anything of its problem.
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

# Commits of maintenance change no row: they keep nothing alive.
UPKEEP = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES")
# What says that other tables are complete goes before those tables: a run that comes in between makes them anew.
RECORDS = ("/features/refreshes", "/quarantine/intake")


class ItemKind(StrEnum):
    """What something is."""

    TABLE = "table"
    REMAINS = "remains"
    FILES = "files"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something of a problem that takes up room.

    Attributes:
        name: as in the catalog.
        kind: a table; the remains of one, files without a log; or files: landed sources, pages.
        zone: the part of the lakehouse that it belongs to.
        path: where it lies.
        written: when rows were last written, in UTC; None where it cannot be known.
        retention: for how long it is kept after that; None is for ever.
        bytes: how much room it takes.
        trouble: what is wrong with it, in words; empty where nothing is.
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
        """When it would expire by itself; None is never."""
        return self.written + self.retention if self.written and self.retention is not None else None


@dataclass(frozen=True, kw_only=True)
class Lot:
    """All that a problem has in an environment: it expires together, with the last of its tables.

    Files expire with the tables; by their own age where there is no table.
    """

    problem: str
    items: tuple[Item, ...]

    @property
    def deciding(self) -> tuple[Item, ...]:
        """The items whose age counts."""
        return tuple(item for item in self.items if item.kind is ItemKind.TABLE) or self.items

    @property
    def expires(self) -> datetime | None:
        """When all of it expires; None is never."""
        moments = [item.expires for item in self.deciding]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and len(known) == len(moments) else None

    @property
    def keepers(self) -> tuple[Item, ...]:
        """The items that never expire, and so keep the others."""
        return tuple(item for item in self.deciding if item.expires is None)

    @property
    def bytes(self) -> int:
        """How much room all of it takes."""
        return sum(item.bytes for item in self.items)

    def has_expired(self, now: datetime) -> bool:
        """Whether it may go."""
        return self.expires is not None and self.expires <= now


def find_lots(catalog: Mapping[str, Mapping[str, Any]]) -> list[Lot]:
    """What every problem has, by name.

    Args:
        catalog: the entries of the catalog as they are configured, dataset factories and all.
    """
    lots: dict[str, list[Item]] = {}
    for problem, item in [*_tables(catalog), *_remains(catalog), *_files(catalog)]:
        lots.setdefault(problem, []).append(item)
    return [Lot(problem=problem, items=tuple(items)) for problem, items in sorted(lots.items())]


def drop(lot: Lot, roots: Iterable[str], now: datetime) -> Iterator[Item]:
    """Drop what a problem has, if all of it has expired; yields each item once it is gone.

    Whoever kills this leaves something that a run can start from and the next call completes: files go first, as a run
    makes them again and only tables say when they expire; then the tables that say what other tables hold.

    Raises:
        LakehouseError: it has not expired, or somebody wrote to it meanwhile, or it is not inside the environment's
            roots; nothing was dropped.
    """
    roots = list(roots)
    if not lot.has_expired(now):
        raise LakehouseError(f"What {lot.problem} has is not expired; nothing was dropped.")
    require_inside((item.path for item in lot.items), roots)
    for item in lot.items:
        if item.kind is ItemKind.TABLE and _last_write(item.path) != item.written:
            raise LakehouseError(f"Somebody is writing to {item.name}; nothing of {lot.problem} was dropped.")
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
            place.problem,
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
    """When a table was last written, for how long it is kept, and what is wrong with it."""
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
    return DeltaTable(path, without_files=True).metadata().configuration


def _last_write(path: str) -> datetime:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        commits = unity_catalog.operations(path)
    else:
        history = DeltaTable(path, without_files=True).history()
        commits = [(each["operation"], datetime.fromtimestamp(each["timestamp"] / 1000, UTC)) for each in history]
    writes = [moment for operation, moment in commits if operation not in UPKEEP]
    # A log that was cut may hold no other commits than those of maintenance.
    return writes[0] if writes else commits[-1][1]


def _bytes(path: str) -> int:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.size(path)[1]
    return usage(path).bytes


def _remains(catalog: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Item]]:
    """Folders in the place of a table that hold files and no log: a table was dropped there, not wholly."""
    tables = {place.path for place in table_places(catalog)}
    kept = _retention(catalog)
    for place in find_places(catalog, below=""):
        if place.path not in tables and (used := usage(place.path)).files:
            trouble = "files without a Delta log"
            yield place.problem, _item(place.name, ItemKind.REMAINS, place.zone, place.path, used, kept, trouble)


def _files(catalog: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Item]]:
    """Landed sources and pages."""
    kept = _retention(catalog)
    for name, entry in catalog.items():
        if entry.get("type") == DATASET or "zone" not in entry or PLACEHOLDER.search(entry["zone"]):
            continue
        for path, names in fitting(entry.get("filepath") or entry["path"]):
            yield names["problem"], _item(name.format(**names), ItemKind.FILES, entry["zone"], path, usage(path), kept)


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
    """For how long this environment keeps tables now; None where one of its entries keeps them for ever."""
    texts = [entry.get("retention") for entry in catalog.values() if entry.get("type") == DATASET]
    return max((time_span(text) for text in texts if text), default=None) if texts and all(texts) else None
