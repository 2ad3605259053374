"""Whether a version of a table can still be read: vacuumed files and cleaned logs are gone for good."""

from __future__ import annotations

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from podium.lakehouse.handle import CATALOG, handle

__all__ = ["why_unreadable"]


def why_unreadable(path: str, version: int, table_id: str) -> str | None:
    """Why a version of a table cannot be read any more, in words; None where it can.

    Args:
        path: of the table.
        version: that is asked for.
        table_id: that the table had, or how it begins; empty where nobody knows.
    """
    if path.startswith(CATALOG):
        # Who has only the name may not look at the files: the engine will say what is missing.
        newest = handle(path).version()
        return None if version <= newest else f"its newest version is {newest}"
    if not handle(path).exists():
        return "there is no table any more"
    try:
        table = DeltaTable(path, version=version)
        names = table.get_add_actions(flatten=True).column("path").to_pylist()
    except DeltaError:
        return "its log is gone"
    if not str(table.metadata().id).startswith(table_id):
        return "the table was dropped and made again since"
    there = fs.PyFileSystem(DeltaStorageHandler(path)).get_file_info(fs.FileSelector("", recursive=True))
    missing = set(names) - {file.path for file in there}
    return f"{len(missing)} of its {len(names)} files were vacuumed" if missing else None
