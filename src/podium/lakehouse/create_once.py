"""A file that is made once, whole: whoever comes second, or after somebody who was killed, finds all of it or none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["create_once"]


@contextmanager
def create_once(file: Path) -> Iterator[Path]:
    """A place beside a file, to make it there. It gets its name at the end, unless another one has it by then."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{uuid4().hex}")
    try:
        yield part
        with suppress(FileExistsError):
            os.link(part, file)
    finally:
        part.unlink(missing_ok=True)
