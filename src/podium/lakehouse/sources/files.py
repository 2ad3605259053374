"""A source of files: all files of a folder whose names fit a pattern."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import translate
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import fs
from pyspark.sql import DataFrame

from podium.errors import did_you_mean
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import open_store, short_digest
from podium.lakehouse.landing import Landing

from .raw import ARRIVED_AT, Arrival, Delivery, SourceDataset, completed, raw_schema, time_in
from .text import PACKED, SUFFIXES, UNREADABLE, batches, header, kind, unpacked, wrong_columns

__all__ = ["Files", "FilesSource", "resolve"]

logger = logging.getLogger(__name__)

PACKAGE = "package:"
# Rows up to about this size are read in the driver. Larger ones are converted to Parquet for the engine.
SMALL = 8 << 20
# How many times larger a zipped file may be than it looks.
PACKING = 8
CHUNK = 1 << 20
# Files that may grow.
TEXT = (".csv", ".jsonl")


def resolve(folder: str) -> str:
    """The path or URL of a folder. ``package:<name>/<folder>`` is a folder inside an installed Python package."""
    if not folder.startswith(PACKAGE):
        return folder
    package, _, inside = folder.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LakehouseError(f"The source {folder} names a Python package that is not installed: pip install {package}")
    return str(Path(spec.origin).parent / inside)


@dataclass(frozen=True)
class Mark:
    """How far a file was taken in: its size in bytes, time, SHA-256, and number of rows."""

    size: int
    modified: str
    sha256: str
    rows: int

    @classmethod
    def of(cls, text: str | None) -> Mark | None:
        """Read a mark that was recorded; None without one."""
        return None if text is None else cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class File:
    """A file as a listing shows it."""

    name: str
    path: str
    size: int
    modified: datetime

    @property
    def is_small(self) -> bool:
        """Whether its rows can be read in the driver."""
        return self.size * (PACKING if self.name.endswith(PACKED) else 1) <= SMALL

    def same_as(self, mark: Mark | None) -> bool:
        """Whether the file looks as it did when the mark was recorded."""
        return mark is not None and (self.size, self.modified.isoformat()) == (mark.size, mark.modified)


@dataclass(frozen=True)
class New:
    """A file with rows that were not taken in before.

    Attributes:
        file: the file.
        sha256: of its whole content.
        begin: the number of bytes, and ``rows`` the number of rows, that were taken in before.
    """

    file: File
    sha256: str
    begin: int = 0
    rows: int = 0


class _UnreadableError(Exception):
    """A file cannot be read. The message says why."""


class Files:
    """The files of a folder whose names fit a pattern. Nothing is read before ``new``."""

    def __init__(self, folder: str, pattern: str, *, arrival: Arrival, arrived_at: str):
        self._given, self._pattern, self._arrival, self._arrived_at = folder, pattern, arrival, arrived_at

    def new(self, columns: Sequence[str], seen: Mapping[str, str], landing: Landing) -> Delivery:
        """The rows of new files, and the new rows of files that have changed (see ``Raw.new``).

        If a file has only grown, its first rows are skipped; if it has changed otherwise, all of its rows count as new.
        """
        store, folder = self._open()
        found, refused = [], {}
        known = {mark.sha256: mark for mark in (Mark.of(text) for text in seen.values()) if mark is not None}
        bookmarks: dict[str, str] = {}
        for file in self._listed(store, folder):
            mark = Mark.of(seen.get(file.path))
            if file.same_as(mark):
                continue
            try:
                fresh = _news(store, file, mark, columns)
            except UNREADABLE as cause:
                refused[file.path] = f"{file.name} cannot be read: {cause}"
                continue
            if isinstance(fresh, list):
                refused[file.path] = "; ".join(f"{file.name}: {wrong}" for wrong in fresh)
            elif (same := known.get(fresh.sha256)) and self._adds_nothing(mark, same):
                bookmarks[file.path] = str(Mark(file.size, file.modified.isoformat(), same.sha256, same.rows))
            else:
                found.append(fresh)
        opened = {each.file.path: each.sha256 for each in found}
        rows = self._read(store, found, columns, landing, bookmarks, refused)
        good = {path: sha256 for path, sha256 in opened.items() if path not in refused}
        return Delivery(rows, bookmarks, refused, good, live=self._arrival is Arrival.LIVE)

    def whole(self, columns: Sequence[str]) -> pa.Table:
        """All rows of all files, in the driver.

        Raises:
            LakehouseError: a file cannot be read.
        """
        store, folder = self._open()
        tables = [raw_schema(columns).empty_table()]
        for file in self._listed(store, folder):
            fresh = _news(store, file, None, columns)
            if isinstance(fresh, list):
                raise LakehouseError("; ".join(f"{file.name}: {wrong}" for wrong in fresh))
            try:
                tables.append(pa.Table.from_batches(self._rows(store, fresh, columns), raw_schema(columns)))
            except _UnreadableError as unreadable:
                raise LakehouseError(str(unreadable)) from unreadable
        return pa.concat_tables(tables)

    def _adds_nothing(self, mark: Mark | None, same: Mark) -> bool:
        """Whether a file with the same content as another one, or as itself before, says nothing new."""
        return self._arrival is Arrival.HISTORY or same == mark

    def missing(self) -> str:
        """Describe which file was looked for, and what is there instead."""
        store, folder = self._open()
        stem = self._pattern.removesuffix("*")
        names = {file.name.partition(".")[0] for file in self._listed(store, folder, "*")}
        return (
            f"no file {self._pattern}.csv (or .jsonl, .parquet, zipped or not) in {folder}{did_you_mean(stem, names)}"
        )

    def _open(self) -> tuple[fs.FileSystem, str]:
        where = resolve(self._given)
        store, folder = open_store(where)
        if store.get_file_info(folder).type is not fs.FileType.Directory:
            raise LakehouseError(
                f"The source folder {where} does not exist. Name an existing one in the catalog, or for one run with "
                "--params <domain>.source=FOLDER."
            )
        return store, folder

    def _listed(self, store: fs.FileSystem, folder: str, pattern: str = "") -> list[File]:
        fits = re.compile(translate(pattern or self._pattern)).match
        found = [
            File(info.base_name, info.path, info.size, info.mtime.astimezone(UTC))
            for info in store.get_file_info(fs.FileSelector(folder))
            if fits(info.base_name.partition(".")[0]) and info.base_name.endswith(SUFFIXES) and info.is_file
        ]
        return sorted(found, key=lambda file: file.name)

    def _read(
        self,
        store: fs.FileSystem,
        found: Sequence[New],
        columns: Sequence[str],
        landing: Landing,
        bookmarks: dict[str, str],
        refused: dict[str, str],
    ) -> pa.Table | DataFrame | None:
        """Read the rows of files. Adds a bookmark for each, or the reason why it is refused."""
        schema = raw_schema(columns)
        held, landed = list[pa.Table](), list[str]()
        for new in found:
            rows = self._rows(store, new, columns)
            try:
                if new.file.is_small:
                    held.append(pa.Table.from_batches(rows, schema))
                    number = held[-1].num_rows
                else:
                    name = (
                        f"{new.file.name.partition('.')[0]}-{short_digest(new.file.path, new.sha256, str(new.begin))}"
                    )
                    url, number = landing.land(name, rows, schema)
                    landed.append(url)
            except _UnreadableError as unreadable:
                refused[new.file.path] = str(unreadable)
                continue
            mark = Mark(new.file.size, new.file.modified.isoformat(), new.sha256, new.rows + number)
            bookmarks[new.file.path] = str(mark)
        together = pa.concat_tables(held, promote_options="none") if held else schema.empty_table()
        if not landed and together.nbytes <= SMALL * 2:
            return together if held else None
        if held:
            name = short_digest(*[str(bookmarks[new.file.path]) for new in found if new.file.path in bookmarks])
            landed.append(landing.land(f"together-{name}", iter(together.to_batches()), schema)[0])
        return landing.read(landed, schema)

    def _rows(self, store: fs.FileSystem, new: New, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The new rows of a file. Raises ``_UnreadableError`` for what is wrong with the file, and nothing else."""
        file, told = new.file, self._arrived_at
        otherwise = time_in(file.name) or file.modified
        try:
            with _content(store, file) as stream:
                names = header(file.name, stream)
            with _content(store, file, new.begin) as stream:
                if kind(file.name) == ".csv" and not new.begin:
                    stream.readline()
                for batch in batches(file.name, stream, names, (*columns, told), after=new.rows):
                    yield completed(batch, columns, file.name, arrival=self._arrival, told=told, otherwise=otherwise)
        except UNREADABLE as cause:
            raise _UnreadableError(f"{file.name} cannot be read as {kind(file.name)} in UTF-8: {cause}") from cause


def _news(store: fs.FileSystem, file: File, mark: Mark | None, columns: Sequence[str]) -> New | list[str]:
    """What is new in a file, or what is wrong with its columns."""
    with _content(store, file) as stream:
        names = header(file.name, stream)
    if wrong := wrong_columns(names, columns):
        return wrong
    with store.open_input_file(file.path) as raw:
        sha256, grown = _hashed(raw, file, mark)
    if grown and mark is not None:
        return New(file, sha256, begin=mark.size, rows=mark.rows)
    return New(file, sha256)


def _hashed(raw: pa.NativeFile, file: File, mark: Mark | None) -> tuple[str, bool]:
    """The SHA-256 of a file, and whether it begins with all that was taken in before, and that ends with a line."""
    digest, grown, stream = hashlib.sha256(), False, raw.get_stream(0, file.size)
    if mark is not None and mark.size < file.size and file.name.endswith(TEXT):
        last = b""
        for size in [CHUNK] * (mark.size // CHUNK) + [mark.size % CHUNK]:
            last = stream.read(size) or last
            digest.update(last)
        grown = digest.hexdigest() == mark.sha256 and last.endswith(b"\n")
        if not grown:
            digest, stream = hashlib.sha256(), raw.get_stream(0, file.size)
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest(), grown


@contextmanager
def _content(store: fs.FileSystem, file: File, begin: int = 0) -> Iterator[IO[bytes]]:
    """The content of a file, unpacked. Of text, only what was there when the file was listed: it may be growing."""
    with store.open_input_file(file.path) as raw:
        if file.name.endswith(PACKED):
            yield unpacked(file.name, raw)
        elif file.name.endswith(TEXT):
            yield io.BufferedReader(raw.get_stream(begin, file.size - begin))
        else:
            yield io.BufferedReader(raw)


class FilesSource(SourceDataset):
    """The files of a folder as the source of a domain: CSV, JSON Lines or Parquet, zipped or not.

    Args:
        path: the folder: a path, ``package:<name>/<folder>`` for a folder inside a Python package, ``s3://…``, or a
            volume.
        pattern: which files: their names without ending, such as ``flights*``.
        arrival: ``history``: rows are known from the time at which the world could know them, as in a dump. ``live``:
            nothing is known before it arrived.
        arrived_at: the column that says when a row of a live source arrived. Without such a column it is the time in
            the file's name, such as ``flights-20130801T0500Z.csv``, and without that the time of the file.
    """

    def __init__(
        self,
        *,
        path: str,
        pattern: str,
        arrival: Arrival | str = Arrival.HISTORY,
        arrived_at: str = ARRIVED_AT,
        metadata: dict[str, Any] | None = None,
    ):
        self._path, self._pattern = path, pattern
        self._arrival, self._arrived_at = as_arrival(arrival), arrived_at
        self.metadata = metadata

    def load(self) -> Files:
        """Return the source, without reading any file."""
        return Files(self._path, self._pattern, arrival=self._arrival, arrived_at=self._arrived_at)

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path, "pattern": self._pattern, "arrival": self._arrival.value}


def as_arrival(given: Arrival | str) -> Arrival:
    """The kind of arrival with this name.

    Raises:
        LakehouseError: there is none.
    """
    known = [each.value for each in Arrival]
    if given not in known:
        raise LakehouseError(f"There is no arrival {given!r}{did_you_mean(str(given), known)}. Use history or live.")
    return Arrival(given)
