"""Files beside the tables, in a folder or an object store: landed sources, and pages for people."""

from __future__ import annotations

import html
import io
import shutil
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from kedro.io import AbstractDataset
from pyarrow import fs

from podium.lakehouse import access, atomic_files
from podium.lakehouse.buckets import is_bucket, open_bucket, require_bucket
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.preview_types import HTMLPreview

__all__ = ["Folder", "PageDataset", "open_store"]

CHUNK = 8 * 1024 * 1024  # bytes that are in memory at a time


def open_store(url: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and what it calls it. Credentials come from the environment."""
    if "://" not in url:
        return fs.LocalFileSystem(), str(Path(url).absolute())
    if is_bucket(url):
        require_bucket(url)
        return open_bucket(url)
    try:
        return fs.FileSystem.from_uri(url)
    except (ValueError, OSError) as wrong:
        raise LakehouseError(f"{url} cannot be opened: {wrong}") from wrong


class Folder:
    """A folder whose files appear whole or not at all."""

    def __init__(self, url: str):
        self._url = url.rstrip("/")
        self._store, self._path = open_store(self._url)

    def url(self, name: str) -> str:
        """What an engine reads."""
        return f"{self._url}/{name}"

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return self._store.get_file_info(f"{self._path}/{name}").type != fs.FileType.NotFound

    def make(self, name: str) -> None:
        """A folder in it."""
        self._store.create_dir(f"{self._path}/{name}", recursive=True)

    def put(self, file: Path, name: str) -> None:
        """Copy a local file here."""
        with file.open("rb") as source:
            self._write(name, source)

    def put_text(self, text: str, name: str) -> None:
        """Write a small file."""
        self._write(name, io.BytesIO(text.encode()))

    def text(self, name: str) -> str:
        """Read a small file."""
        with self._store.open_input_stream(f"{self._path}/{name}") as stream:
            return stream.read().decode()

    def _write(self, name: str, source: IO[bytes]) -> None:
        target = f"{self._path}/{name}"
        if not isinstance(self._store, fs.LocalFileSystem):
            self._upload(target, source)
            return
        with atomic_files.replace(Path(target)) as part, part.open("wb") as sink:
            shutil.copyfileobj(source, sink)

    def _upload(self, target: str, source: IO[bytes]) -> None:
        """Write an object. A small one appears at once; a large one is streamed beside its place, then moved there.

        A stream of pyarrow that is left early still makes an object of what was written so far.
        """
        begin = source.read(CHUNK)
        if len(begin) < CHUNK:
            with self._store.open_output_stream(target, compression=None) as sink:
                sink.write(begin)
            return
        part = f"{target}.{uuid4().hex}.part"
        try:
            with self._store.open_output_stream(part, compression=None) as sink:
                sink.write(begin)
                shutil.copyfileobj(source, sink, CHUNK)
            self._store.move(part, target)
        finally:
            if self._store.get_file_info(part).type != fs.FileType.NotFound:
                self._store.delete_file(part)


class PageDataset(AbstractDataset[str, str]):
    """A page of text: HTML for people."""

    def __init__(self, *, filepath: str, zone: str, metadata: dict[str, Any] | None = None):
        self.zone = zone
        self.metadata = metadata
        self.filepath = filepath
        folder, _, self._name = filepath.rpartition("/")
        self._url = folder

    def load(self) -> str:
        """The page."""
        access.require("read", self.zone, self.filepath)
        return Folder(self._url).text(self._name)

    def save(self, data: str) -> None:
        """Write the page, in place of the one before."""
        access.require("write", self.zone, self.filepath)
        Folder(self._url).put_text(data, self._name)

    def preview(self) -> HTMLPreview:
        """The pictures of the page, for kedro-viz. What cannot be shown says why."""
        from podium.lakehouse.table_preview import pictures

        try:
            access.require("read", self.zone, self.filepath)
            there = self._exists()
            shown = pictures(self.load()) if there else "There is no page yet. Run the pipeline that writes it."
        except (LakehouseError, OSError) as why:
            shown = html.escape(str(why))
        return HTMLPreview(shown)

    def _exists(self) -> bool:
        return Folder(self._url).has(self._name)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath, "zone": self.zone}
