"""Measure and remove files in a folder or an object store, and check that they are inside a root."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyarrow import fs

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import open_store
from podium.lakehouse.listing import LOG

__all__ = ["Usage", "overlap", "prune", "remove_files", "remove_table", "require_inside", "usage"]


@dataclass(frozen=True)
class Usage:
    """Number and size of files, and when the newest of them was written (None if there are no files)."""

    files: int
    bytes: int
    newest: datetime | None


def usage(url: str, *, without: str = "") -> Usage:
    """Measure a file, or all files in a folder at any depth. Skip files in folders whose name is ``without``."""
    store, path = open_store(url)
    found = [
        info
        for info in _inside(store, path)
        if info.type == fs.FileType.File and not (without and f"/{without}/" in f"/{info.path.removeprefix(path)}")
    ]
    newest = max((info.mtime for info in found if info.mtime), default=None)
    return Usage(len(found), sum(info.size or 0 for info in found), newest.astimezone(UTC) if newest else None)


def require_inside(paths: Iterable[str], roots: Iterable[str]) -> None:
    """Raise if a path leads outside of all roots, be it by ``..`` or by a symbolic link.

    Raises:
        LakehouseError: paths are outside; the message names all of them.
    """
    roots = list(roots)
    wrong = [path for path in paths if not any(_is_inside(path, root) for root in roots)]
    if wrong:
        where = [f"{path} (it leads to {Path(path).resolve()})" if "://" not in path else path for path in wrong]
        raise LakehouseError(
            f"Nothing was dropped: {', '.join(where)} is not inside {' or '.join(dict.fromkeys(roots))}. Symbolic "
            "links are refused. Check the paths in the catalog, and their folders for links."
        )


def overlap(one: str, other: str) -> bool:
    """Whether two paths or URLs are the same, or one is inside the other."""
    if ("://" in one) != ("://" in other):
        return False
    first, second = (root.rstrip("/") if "://" in root else str(Path(root).resolve()) for root in (one, other))
    return f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")


def remove_table(url: str) -> None:
    """Remove a table, newest commit first, so that a killed removal leaves an older version, or files without a log."""
    store, path = open_store(url)
    log = f"{path}/{LOG}"
    # First remove _last_checkpoint, the pointer to a checkpoint. Then remove the commits, newest first: each removal
    # takes the table back by one version.
    names = sorted((info.base_name for info in _inside(store, log) if info.type == fs.FileType.File), reverse=True)
    for name in sorted(names, key=lambda name: name[0].isdigit()):
        _remove_file(store, f"{log}/{name}")
    remove_files(url)


def remove_files(url: str) -> None:
    """Remove a file, or a folder with its contents. A no-op if it does not exist."""
    store, path = open_store(url)
    if not isinstance(store, fs.LocalFileSystem):
        if store.get_file_info(path).type == fs.FileType.File:
            _remove_file(store, path)
        else:
            with suppress(FileNotFoundError):
                store.delete_dir(path)
        return
    with suppress(FileNotFoundError):
        if Path(path).is_dir():
            shutil.rmtree(path)  # does not follow symbolic links, so files outside the folder stay
        else:
            Path(path).unlink()


def prune(url: str, root: str) -> None:
    """Remove the empty folders between a root and a path. A no-op for an object store, which has no folders."""
    if "://" in url:
        return
    folder = Path(url).parent
    while folder.is_relative_to(root) and folder != Path(root):
        try:
            folder.rmdir()
        except OSError:  # the folder is not empty, or is already gone
            if folder.exists():
                return
        folder = folder.parent


def _inside(store: fs.FileSystem, path: str) -> Iterator[fs.FileInfo]:
    own = store.get_file_info(path)
    if own.type == fs.FileType.File:
        yield own
    else:
        yield from store.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))


def _remove_file(store: fs.FileSystem, path: str) -> None:
    with suppress(FileNotFoundError):
        store.delete_file(path)


def _is_inside(path: str, root: str) -> bool:
    if "://" in root:
        rest = path.removeprefix(f"{root.rstrip('/')}/")
        return rest != path and not {"", ".", ".."} & {*rest.split("/")}
    if "://" in path or not Path(path).is_relative_to(root):
        return False
    # Refuse symbolic links below the root, because a link can lead out of the root.
    return Path(path).resolve() == Path(root).resolve() / Path(path).relative_to(root) != Path(root).resolve()
