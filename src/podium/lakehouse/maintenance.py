"""Maintenance: small files become large ones (OPTIMIZE), and files that no version needs are removed (VACUUM).

Rows stay as they are, and so do all versions within the retention. By delta-rs where the engine is Sail, which has no
words for it; by the engine's SQL elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyspark.errors import PySparkException

from podium.lakehouse import engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.handle import CATALOG, handle
from podium.lakehouse.listing import LOG
from podium.lakehouse.storage import usage

__all__ = ["SAFE_HOURS", "Foreseen", "Maintained", "Work", "foresee", "maintain", "require_safe"]

SAFE_HOURS = 168
CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done: ``hours`` is how old a file must be that no version needs any more."""

    optimize: bool = True
    vacuum: bool = True
    hours: int = SAFE_HOURS


@dataclass(frozen=True, kw_only=True)
class Maintained:
    """What was done to a table.

    Attributes:
        before, after: data files that its newest version consists of.
        freed: bytes that it takes up less, all versions counted; None where that cannot be seen (Unity Catalog).
        seconds: how long it took.
        trouble: what went wrong, in words; empty where nothing did.
    """

    before: int
    after: int
    freed: int | None
    seconds: float
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What would be done to a table.

    Attributes:
        files: data files that its newest version consists of.
        removable: files that VACUUM would remove.
        trouble: why it cannot be told, in words.
    """

    files: int
    removable: int
    trouble: str = ""


def require_safe(hours: int, *, force: bool) -> None:
    """Refuse a retention that is too short, unless it is forced.

    Raises:
        LakehouseError: saying what it would break.
    """
    if hours < SAFE_HOURS and not force:
        raise LakehouseError(
            f"A retention of {hours} hours is refused, the least is {SAFE_HOURS}: VACUUM would remove files that runs "
            "under way still read or are about to commit, and versions that time travel and the reproduction of a "
            "model need. Where nothing runs and nobody needs them: --force."
        )


def maintain(path: str, work: Work) -> Maintained:
    """Do that work on a table. What goes wrong is told, so that the tables after it get their turn."""
    started, before, after, freed, trouble = perf_counter(), 0, 0, None, ""
    try:
        before, size = _files(path), _bytes(path)
        if _by_delta_rs(path):
            _with_delta_rs(path, work)
        else:
            _with_sql(path, work)
        after, freed = _files(path), None if size is None else size - (_bytes(path) or 0)
    except (DeltaError, PySparkException, OSError) as cause:
        trouble = f"{_first_line(cause)}. Its rows are as they were."
    return Maintained(before=before, after=after, freed=freed, seconds=perf_counter() - started, trouble=trouble)


def foresee(path: str, work: Work) -> Foreseen:
    """What that work would do to a table, as far as can be told without doing it; nothing is written."""
    try:
        return Foreseen(files=_files(path), removable=_removable(path, work.hours) if work.vacuum else 0)
    except (DeltaError, PySparkException, OSError) as cause:
        return Foreseen(files=0, removable=0, trouble=_first_line(cause))


def _removable(path: str, hours: int) -> int:
    if not path.startswith(CATALOG):
        return len(DeltaTable(path).vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True))
    with _unchecked(hours):
        return engine.session().sql(f"VACUUM {handle(path).sql} RETAIN {hours} HOURS DRY RUN").count()


def _first_line(cause: Exception) -> str:
    return str(cause).splitlines()[0].rstrip(".")


def _with_delta_rs(path: str, work: Work) -> None:
    if work.optimize:
        DeltaTable(path).optimize.compact()
    if work.vacuum:
        # In full: files that a killed writer left behind stand in no log.
        DeltaTable(path).vacuum(work.hours, dry_run=False, enforce_retention_duration=False, full=True)


def _with_sql(path: str, work: Work) -> None:
    session, name = engine.session(), handle(path).sql
    if work.optimize:
        session.sql(f"OPTIMIZE {name}").collect()
    if work.vacuum:
        with _unchecked(work.hours):
            session.sql(f"VACUUM {name} RETAIN {work.hours} HOURS").collect()


@contextmanager
def _unchecked(hours: int) -> Iterator[None]:
    """Let Spark do what ``require_safe`` let pass."""
    if hours >= SAFE_HOURS:
        yield
        return
    conf = engine.session().conf
    before = conf.get(CHECK, None)
    conf.set(CHECK, "false")
    try:
        yield
    finally:
        conf.unset(CHECK) if before is None else conf.set(CHECK, before)


def _by_delta_rs(path: str) -> bool:
    settings = engine.current()
    return not path.startswith(CATALOG) and (settings is None or settings.engine == "sail")


def _files(path: str) -> int:
    if path.startswith(CATALOG):
        from podium.lakehouse import unity_catalog

        return unity_catalog.size(path)[0]
    return len(DeltaTable(path).file_uris())


def _bytes(path: str) -> int | None:
    return None if path.startswith(CATALOG) else usage(path, without=LOG).bytes
