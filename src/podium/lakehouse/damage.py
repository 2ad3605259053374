"""Find the broken file of a damaged table, and the newest version of the table that does not need this file.

Podium checks the files itself, because engines report the same damage in different words, or only by a stack trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

__all__ = ["Damage", "find_damage"]

LOG = "_delta_log"
PARQUET = b"PAR1"  # every Parquet file begins and ends with these bytes


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A broken file of a table.

    Attributes:
        file: the file, or where it should be.
        reason: what is wrong with the file, such as "is missing".
        last_good: the newest version that does not need the file. None if every version needs it.
        commit: whether the file is a commit of the log rather than a data file.
    """

    file: Path
    reason: str
    last_good: int | None
    commit: bool

    def advice(self, table: str) -> str:
        """Describe the damage and how to repair it."""
        begin = f"{self.file} {self.reason}"
        if self.last_good is None:
            return (
                f"{begin}, and every version in the log needs it. Restore the file from a backup, or drop the table "
                "and run the pipeline that writes it."
            )
        begin += f"; the last good version is {self.last_good}. Restore the file from a backup"
        if self.commit:
            return (
                f"{begin}, or move all commits after version {self.last_good} out of {LOG}: the table is then at that "
                "version."
            )
        back = f'DeltaTable("{table}").restore({self.last_good})'
        return f"{begin}, or restore that version: python -c 'from deltalake import DeltaTable; {back}'"


def find_damage(table: str) -> Damage | None:
    """Find the first broken file that the newest version of a local table needs. None if no file is broken."""
    folder = Path(table)
    checkpoint = _checkpoint(folder / LOG)
    added: dict[str, int] = {}
    before = checkpoint
    for version, file in _commits(folder / LOG, after=checkpoint):
        if before is not None and version != before + 1:
            missing = file.with_name(f"{before + 1:020}.json")
            return Damage(file=missing, reason="is missing", last_good=before, commit=True)
        try:
            actions = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
        except ValueError:
            return Damage(file=file, reason="is not readable as JSON", last_good=before, commit=True)
        added |= {action["add"]["path"]: version for action in actions if "add" in action}
        before = version
    if before is None:
        return None
    for path, size in _active(table):
        if reason := _broken(folder / unquote(path), size):
            good = added.get(path, 0) - 1
            return Damage(
                file=folder / unquote(path), reason=reason, last_good=good if good >= 0 else None, commit=False
            )
    return None


def _checkpoint(log: Path) -> int | None:
    found = [file.name.partition(".")[0] for file in log.glob("*.checkpoint*.parquet")]
    return max((int(name) for name in found if name.isdigit()), default=None)


def _commits(log: Path, *, after: int | None) -> Iterator[tuple[int, Path]]:
    """Yield each version with its commit file, oldest first, after the checkpoint: it replaces earlier commits."""
    for file in sorted(log.glob("*.json")):
        if file.stem.isdigit() and (after is None or int(file.stem) > after):
            yield int(file.stem), file


def _active(table: str) -> Iterator[tuple[str, int]]:
    files = pa.table(DeltaTable(table).get_add_actions())
    yield from zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True)


def _broken(file: Path, size: int) -> str | None:
    if not file.is_file():
        return "is missing"
    found = file.stat().st_size
    if found != size:
        return f"has {found} bytes instead of {size}"
    with file.open("rb") as stream:
        begin = stream.read(4)
        stream.seek(-4, 2)
        return None if begin == stream.read(4) == PARQUET else "is no Parquet file"
