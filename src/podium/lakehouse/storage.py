"""What lies in a folder or an object store: how much, how old, inside which root; and how it is removed."""

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
    """Files and bytes in a place, and when the youngest of them was written (None where there is none)."""

    files: int
    bytes: int
    newest: datetime | None


def usage(url: str, *, without: str = "") -> Usage:
    """What a folder holds at any depth, or a file; folders called ``without`` do not count."""
    store, path = open_store(url)
    found = [
        info
        for info in _inside(store, path)
        if info.type == fs.FileType.File and not (without and f"/{without}/" in f"/{info.path.removeprefix(path)}")
    ]
    newest = max((info.mtime for info in found if info.mtime), default=None)
    return Usage(len(found), sum(info.size or 0 for info in found), newest.astimezone(UTC) if newest else None)


def require_inside(paths: Iterable[str], roots: Iterable[str]) -> None:
    """Refuse paths that lead out of the roots, by ``..`` or a link, or that are no part of one.

    Raises:
        LakehouseError: naming all of them.
    """
    roots = list(roots)
    wrong = [path for path in paths if not any(_is_inside(path, root) for root in roots)]
    if wrong:
        where = [f"{path} (it leads to {Path(path).resolve()})" if "://" not in path else path for path in wrong]
        raise LakehouseError(
            f"Nothing was dropped: {', '.join(where)} is not inside {' or '.join(dict.fromkeys(roots))}. Links are not "
            "followed; look at the catalog and at the folder."
        )


def overlap(one: str, other: str) -> bool:
    """Whether a place lies in the other, or is the same."""
    if ("://" in one) != ("://" in other):
        return False
    first, second = (root.rstrip("/") if "://" in root else str(Path(root).resolve()) for root in (one, other))
    return f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")


def remove_table(url: str) -> None:
    """Remove a table, newest commit first: whoever kills this leaves an older version of it, or files without a log."""
    store, path = open_store(url)
    log = f"{path}/{LOG}"
    # The pointer to a checkpoint first; then every step back is a version that the table once had.
    names = sorted((info.base_name for info in _inside(store, log) if info.type == fs.FileType.File), reverse=True)
    for name in sorted(names, key=lambda name: name[0].isdigit()):
        _remove_file(store, f"{log}/{name}")
    remove_files(url)


def remove_files(url: str) -> None:
    """Remove a folder with all that is in it, or a file; nothing where it is gone already."""
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
            # Does not follow links.
            shutil.rmtree(path)
        else:
            Path(path).unlink()


def prune(url: str, root: str) -> None:
    """Remove the folders above a place that are empty now, up to its root. An object store has no empty folders."""
    if "://" in url:
        return
    folder = Path(url).parent
    while folder.is_relative_to(root) and folder != Path(root):
        try:
            folder.rmdir()
        except OSError:  # something is in it, or it is gone
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
    # Only the root itself may be a link.
    return Path(path).resolve() == Path(root).resolve() / Path(path).relative_to(root) != Path(root).resolve()
