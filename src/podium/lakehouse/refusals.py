"""Explain a failure caused by the operating system or a damaged table: which file, why, and what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping

from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from podium.lakehouse.damage import find_damage

__all__ = ["explain"]

# Matches an operating system error in the text of an engine's error. Rust (Sail, delta-rs) appends the system's error
# number; Java gives only the system's message.
RUST = re.compile(r"\(os error (\d+)\)")
JAVA = {number: os.strerror(number) for number in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)}
ADVICE = {
    errno.ENOSPC: "Free space on that disk, then run the command again",
    errno.EDQUOT: "Free space within the quota, then run the command again",
    errno.EACCES: "Give this user write permission there, or set PODIUM_DATA to another folder",
    errno.EPERM: "Give this user write permission there, or set PODIUM_DATA to another folder",
    errno.EROFS: "Set PODIUM_DATA to a writable folder",
    errno.ENOTDIR: "A file exists where a folder is needed. Move it away, or set PODIUM_DATA to another folder",
    errno.EEXIST: "A file exists where a folder is needed. Move it away, or set PODIUM_DATA to another folder",
}
OTHER = "Fix the cause, then run the command again"


def explain(error: BaseException, at: str, tables: Mapping[str, str]) -> str | None:
    """Explain why a run failed, if the operating system or a damaged table is the cause. None for any other cause.

    Args:
        error: the exception that ended the run. Its chain of causes is searched too.
        at: the dataset or node at which the run failed.
        tables: the local tables of the run, dataset -> path.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno:
            return _sentence(at, cause.errno, cause.filename)
        if isinstance(cause, DeltaError | PySparkException | Py4JError):
            return _of_engine(str(cause), at, tables)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _of_engine(text: str, at: str, tables: Mapping[str, str]) -> str | None:
    for name, path in tables.items():
        if damage := find_damage(path):
            return f"{name} is damaged: {damage.advice(path)}"
    found = RUST.search(text)
    number = int(found[1]) if found else next((code for code, words in JAVA.items() if words in text), None)
    return None if number is None else _sentence(at, number, tables.get(at))


def _sentence(at: str, number: int, where: str | None) -> str:
    place = f" ({where})" if where else ""
    return (
        f"{at}: {os.strerror(number)}{place}. {ADVICE.get(number, OTHER)}. "
        "Each table is either completely written or unchanged."
    )
