"""Check whether a table's version can still be read, or whether VACUUM or log clean-up has removed its files."""

from __future__ import annotations

from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from podium.lakehouse.handle import CATALOG, handle

__all__ = ["why_unreadable"]


def why_unreadable(path: str, version: int, table_id: str) -> str | None:
    """Explain why a version of a table cannot be read any more. None if it can.

    Args:
        path: path of the table.
        version: the version to read.
        table_id: the id of the table that had this version, or a prefix of the id. Empty if unknown.
    """
    if path.startswith(CATALOG):
        # For a table in Unity Catalog, only compare version numbers, because the table's files cannot be listed. If a
        # file is missing, the engine reports this when it reads the table.
        newest = handle(path).version()
        return None if version <= newest else f"its newest version is {newest}"
    if not handle(path).exists():
        return "the table no longer exists"
    try:
        table = DeltaTable(path, version=version)
        names = table.get_add_actions(flatten=True).column("path").to_pylist()
    except DeltaError:
        return "its log is gone"
    if not str(table.metadata().id).startswith(table_id):
        return "the table has been dropped and created again since"
    there = fs.PyFileSystem(DeltaStorageHandler(path)).get_file_info(fs.FileSelector("", recursive=True))
    # The log spells paths as URLs: a file in the folder p=a%20b is p=a%2520b/... in the log.
    missing = {unquote(name) for name in names} - {file.path for file in there}
    return f"{len(missing)} of its {len(names)} files are missing, probably since a VACUUM" if missing else None
