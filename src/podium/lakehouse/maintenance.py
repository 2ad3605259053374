"""Maintain tables: OPTIMIZE merges small files, VACUUM removes files that no version within the retention needs.

The table's rows, and its versions within the retention, stay as they are. Other engines than Sail run OPTIMIZE and
VACUUM as SQL. Sail has no such SQL, so delta-rs does the work.
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
# Delta's log of a version is kept for 30 days, unless the table's property says otherwise.
LOG_HOURS = 720
CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@dataclass(frozen=True, kw_only=True)
class Work:
    """Which maintenance to do. VACUUM removes a file if the table has not needed the file for ``hours``."""

    optimize: bool = True
    vacuum: bool = True
    hours: int = SAFE_HOURS


@dataclass(frozen=True, kw_only=True)
class Maintained:
    """The result of the maintenance of a table.

    Attributes:
        before, after: number of data files of the newest version, before and after the maintenance.
        freed: bytes by which the table shrank, over all versions. None if unknown (Unity Catalog).
        seconds: duration.
        trouble: what went wrong. Empty if nothing did.
    """

    before: int
    after: int
    freed: int | None
    seconds: float
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """A forecast of the maintenance of a table.

    Attributes:
        files: number of data files of the newest version.
        removable: number of files that VACUUM would remove.
        trouble: why there is no forecast. Empty if there is one.
    """

    files: int
    removable: int
    trouble: str = ""


def require_safe(hours: int, *, force: bool) -> None:
    """Raise if a retention is shorter than 168 hours, unless ``force`` is set.

    Raises:
        LakehouseError: the retention is too short; the message says what would break.
    """
    if hours < SAFE_HOURS and not force:
        raise LakehouseError(
            f"A retention of {hours} hours is refused; the minimum is {SAFE_HOURS}. VACUUM would remove files that "
            "active runs still read or are about to commit, and old versions that are needed for time travel and for "
            "reproducing a model. If no run is active and nobody needs those versions, add --force."
        )


def maintain(path: str, work: Work) -> Maintained:
    """Maintain a table as ``work`` says. Errors are returned, not raised, so that other tables are still maintained."""
    started, before, after, freed, trouble = perf_counter(), 0, 0, None, ""
    try:
        before, size = _files(path), _bytes(path)
        if _by_delta_rs(path):
            _with_delta_rs(path, work)
        else:
            _with_sql(path, work)
        after, freed = _files(path), None if size is None else size - (_bytes(path) or 0)
    except (DeltaError, PySparkException, OSError) as cause:
        trouble = f"{_first_line(cause)}. The table's rows are unchanged."
    return Maintained(before=before, after=after, freed=freed, seconds=perf_counter() - started, trouble=trouble)


def foresee(path: str, work: Work) -> Foreseen:
    """Forecast what the maintenance of a table would do, without writing anything."""
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
        table = DeltaTable(path)
        table.optimize.compact()
        # With a commit each hour, opening a table would soon mean reading thousands of small files. Spark writes a
        # checkpoint by itself every ten commits; Sail and delta-rs do not.
        table.create_checkpoint()
        if work.hours <= LOG_HOURS:
            table.cleanup_metadata()
    if work.vacuum:
        # full=True also removes files of killed writers. A normal VACUUM keeps such files, because Delta's log does not
        # list them.
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
    """Switch off Delta's check of the retention if it would refuse ``hours``. ``require_safe`` has allowed them."""
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
