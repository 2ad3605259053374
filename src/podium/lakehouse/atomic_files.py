"""Write local files atomically: readers see either the complete new file or the state before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["create", "create_once", "replace"]


@contextmanager
def replace(file: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``file``. The temporary file replaces ``file``, or is removed after an error."""
    with _part(file) as part:
        yield part
        part.replace(file)


@contextmanager
def create(file: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``file``. On success, the temporary file is renamed to ``file``.

    Raises:
        FileExistsError: another process created ``file`` in the meantime; that file is left alone.
    """
    with _part(file) as part:
        yield part
        os.link(part, file)


@contextmanager
def create_once(file: Path) -> Iterator[Path]:
    """Like ``create``, but if another process has created ``file`` in the meantime, keep that file without an error."""
    with _part(file) as part:
        yield part
        with suppress(FileExistsError):
            os.link(part, file)


@contextmanager
def _part(file: Path) -> Iterator[Path]:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{uuid4().hex}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
