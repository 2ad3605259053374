"""Read and write files that are not tables, in a folder or an object store: landed sources and HTML pages."""

from __future__ import annotations

import hashlib
import html
import io
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from kedro.io import AbstractDataset
from pyarrow import fs

from podium.lakehouse import access, atomic_files
from podium.lakehouse.buckets import is_bucket, open_bucket, require_bucket
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.preview_types import HTMLPreview

__all__ = ["Folder", "PageDataset", "open_store", "short_digest"]

CHUNK = 8 * 1024 * 1024  # the number of bytes per read and write


def open_store(url: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path in that file system.

    Credentials come from environment variables.
    """
    if "://" not in url:
        return fs.LocalFileSystem(), str(Path(url).absolute())
    if is_bucket(url):
        require_bucket(url)
        return open_bucket(url)
    try:
        return fs.FileSystem.from_uri(url)
    except (ValueError, OSError) as wrong:
        raise LakehouseError(f"{url} cannot be opened: {wrong}") from wrong


def short_digest(*parts: str) -> str:
    """A digest of texts, short enough for a file's name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Folder:
    """A folder, local or in an object store. Each of its files is written atomically."""

    def __init__(self, url: str):
        self._url = url.rstrip("/")
        self._store, self._path = open_store(self._url)

    def url(self, name: str) -> str:
        """The path or URL of a file in the folder."""
        return f"{self._url}/{name}"

    def has(self, name: str) -> bool:
        """Whether the folder holds a file or subfolder with the given name."""
        return self._store.get_file_info(f"{self._path}/{name}").type != fs.FileType.NotFound

    def make(self, name: str) -> None:
        """Create a subfolder."""
        self._store.create_dir(f"{self._path}/{name}", recursive=True)

    def open(self, name: str) -> Any:
        """Open a file for random access."""
        return self._store.open_input_file(f"{self._path}/{name}")

    def delete_older(self, moment: datetime) -> None:
        """Delete all files and subfolders that were written before a time. A no-op if there is no folder."""
        for info in self._store.get_file_info(fs.FileSelector(self._path, allow_not_found=True)):
            if info.is_file and info.mtime < moment:
                self._store.delete_file(info.path)
            elif not info.is_file and self._written_before(info.path, moment):
                self._store.delete_dir(info.path)

    def _written_before(self, folder: str, moment: datetime) -> bool:
        inside = self._store.get_file_info(fs.FileSelector(folder, recursive=True))
        return bool(inside) and all(info.mtime < moment for info in inside if info.is_file)

    def put(self, file: Path, name: str) -> None:
        """Copy a local file into the folder."""
        with file.open("rb") as source:
            self._write(name, source)

    def put_text(self, text: str, name: str) -> None:
        """Write a small text file."""
        self._write(name, io.BytesIO(text.encode()))

    def text(self, name: str) -> str:
        """Read a small text file."""
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
        """Write an object atomically: in a single write if small, otherwise under a temporary name and then renamed.

        The temporary name is needed, because a pyarrow stream that fails half-way leaves a truncated object.
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
        except BaseException:
            with suppress(OSError):  # the part may be missing, and the store may be why the upload failed
                self._store.delete_file(part)
            raise


class PageDataset(AbstractDataset[str, str]):
    """An HTML page in a folder or an object store, as a Kedro dataset."""

    def __init__(self, *, filepath: str, zone: str, metadata: dict[str, Any] | None = None):
        self.zone = zone
        self.metadata = metadata
        self.filepath = filepath
        folder, _, self._name = filepath.rpartition("/")
        self._url = folder

    def load(self) -> str:
        """Load the page."""
        access.require("read", self.zone, self.filepath)
        return Folder(self._url).text(self._name)

    def save(self, data: str) -> None:
        """Write the page, replacing the previous one."""
        access.require("write", self.zone, self.filepath)
        Folder(self._url).put_text(data, self._name)

    def preview(self) -> HTMLPreview:
        """The page's pictures for kedro-viz, or the reason why they cannot be shown."""
        from podium.lakehouse.table_preview import pictures

        try:
            access.require("read", self.zone, self.filepath)
            there = self._exists()
            missing = "The page does not exist yet. First run the pipeline that writes it."
            shown = pictures(self.load()) if there else missing
        except (LakehouseError, OSError) as why:
            shown = html.escape(str(why))
        return HTMLPreview(shown)

    def _exists(self) -> bool:
        return Folder(self._url).has(self._name)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath, "zone": self.zone}
