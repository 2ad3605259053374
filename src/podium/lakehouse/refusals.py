"""Explain a failure caused by the operating system or a damaged table: which file, why, and what to do."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator, Mapping

from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from podium.lakehouse.damage import find_damage

__all__ = ["explain"]

logger = logging.getLogger(__name__)

# Match an operating system error on a local file in the text of an engine's error. Rust (Sail, delta-rs) appends the
# system's error number. Java gives an exception class with the system's message, or AccessDeniedException with the
# path. Don't match "Permission denied" alone: databases, object stores and the Python code of a node say that too.
RUST = re.compile(r"\(os error (\d+)\)")
NUMBERS = {os.strerror(number): number for number in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)}
JAVA = re.compile(
    rf"java\.n?io\.[\w.]+: (?:.*[ (])?({'|'.join(map(re.escape, NUMBERS))})\)?$"
    r"|java\.nio\.file\.AccessDeniedException: (?:file:)?/.*$",
    re.MULTILINE,
)
COLOR = re.compile(r"\x1b\[\d*m")  # delta-rs colours its errors
LONGEST = 300  # characters of an engine's error that are quoted
ADVICE = {
    errno.ENOSPC: "Free space on that disk, then run the command again",
    errno.EDQUOT: "Free space within the quota, then run the command again",
    errno.EACCES: "Give this user permission to read and write there, or set PODIUM_DATA to another folder",
    errno.EPERM: "Give this user permission to read and write there, or set PODIUM_DATA to another folder",
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
        # An OSError without a number is an error of delta-rs.
        if isinstance(cause, OSError | DeltaError | PySparkException | Py4JError):
            try:
                reason = _of_engine(COLOR.sub("", str(cause)), at, tables)
            except Exception:  # the run's own error must reach the user, whatever the damage does to this check
                logger.warning("The tables could not be checked for damage.", exc_info=True)
                return None
            if reason:
                return reason
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _of_engine(text: str, at: str, tables: Mapping[str, str]) -> str | None:
    for name, path in tables.items():
        try:
            damage = find_damage(path)
        except OSError as refused:
            if not refused.errno:
                raise
            return f"{_sentence(name, refused.errno, refused.filename)} {_quoted(text)}"
        if damage:
            return f"{name} is damaged: {damage.advice}"
    if found := RUST.search(text):
        number, cause = int(found[1]), text[: found.end()]
    elif found := JAVA.search(text):
        number, cause = NUMBERS.get(found[1], errno.EACCES), found[0]
    else:
        return None
    folder = tables.get(at)
    # If the engine names a file in another folder, such as a temporary one, don't blame the table's folder.
    where = folder if folder and (folder in cause or "/" not in cause) else None
    return f"{_sentence(at, number, where)} {_quoted(cause, end=True)}"


def _quoted(text: str, *, end: bool = False) -> str:
    """Quote an engine's error on one line. Shorten a long error to its beginning, or with ``end`` to its end."""
    line = " ".join(text.split())
    if len(line) > LONGEST:
        line = f"...{line[-LONGEST:]}" if end else f"{line[:LONGEST]}..."
    return f"The engine's error: {line}"


def _sentence(at: str, number: int, where: str | None) -> str:
    place = f" ({where})" if where else ""
    return (
        f"{at}: {os.strerror(number)}{place}. {ADVICE.get(number, OTHER)}. "
        "Each table is either completely written or unchanged."
    )
