"""Find the broken file of a damaged table, and the newest version of the table that does not need this file.

Podium checks the files itself, because engines report the same damage in different words, or only by a stack trace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

__all__ = ["Damage", "find_damage"]

LOG = "_delta_log"
HINT = "_last_checkpoint"  # names the newest checkpoint; readers refuse the table if that checkpoint is missing
PARQUET = b"PAR1"  # every Parquet file begins and ends with these bytes


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A broken file of a table.

    Attributes:
        file: the file, or where it should be.
        reason: what is wrong with the file, such as "is missing".
        last_good: the newest version that can be read without the file. None if there is none.
        repair: how to return to that version, as the end of a sentence that begins with "or".
    """

    file: Path
    reason: str
    last_good: int | None
    repair: str

    @property
    def advice(self) -> str:
        """Describe the damage and how to repair it."""
        if self.last_good is None:
            return (
                f"{self.file} {self.reason}, and no version of the table can be read without it. Restore the file from "
                "a backup, or drop the table and run the pipeline that writes it."
            )
        return (
            f"{self.file} {self.reason}; the last good version is {self.last_good}. Restore the file from a backup, or "
            f"{self.repair}"
        )


def find_damage(table: str) -> Damage | None:
    """Find the first broken file that the newest version of a local table needs. None if no file is broken.

    Raises:
        OSError: this user cannot read one of the table's files.
    """
    log = Path(table, LOG)
    commits = {int(file.stem): file for file in log.glob("*.json") if file.stem.isdigit()}
    checkpoints = _checkpoints(log)
    if not commits and not checkpoints:
        return None
    return _damaged_log(log, commits, checkpoints) or _damaged_data(table, commits, checkpoints)


def _checkpoints(log: Path) -> dict[int, list[Path]]:
    """Map each checkpoint's version to its files, including the checkpoint that the log's hint names."""
    found: dict[int, list[Path]] = {}
    for file in sorted(log.glob("*.checkpoint*.parquet")):
        version = file.name.partition(".")[0]
        if version.isdigit():
            found.setdefault(int(version), []).append(file)
    try:
        named = int(json.loads((log / HINT).read_bytes())["version"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):  # readers ignore a damaged hint too
        return found
    return {named: [log / f"{named:020}.checkpoint.parquet"]} | found


def _damaged_log(log: Path, commits: Mapping[int, Path], checkpoints: Mapping[int, list[Path]]) -> Damage | None:
    """Check the part of the log that readers need: the newest checkpoint and later commits, or all commits."""
    newest = max([*commits, *checkpoints])
    broken: tuple[int, Path, str] | None = None
    good = -1  # the newest version that can be read
    for version in sorted(checkpoints, reverse=True):
        flaws = [(version, file, flaw) for file in checkpoints[version] if (flaw := _checkpoint_flaw(file))]
        if not flaws:
            good = version
            break
        broken = broken or flaws[0]
    reason = None
    while good < newest:
        commit = log / f"{good + 1:020}.json"
        if reason := _commit_flaw(commit):
            break
        good += 1
    last_good = good if good >= 0 else None
    # Say "all files": besides its commit, a version can have a checkpoint and a checksum (.crc), and delta-rs refuses a
    # table with a checksum whose commit is gone.
    back = f"move {HINT} and all files of later versions out of {LOG}: the table is then at that version."
    if broken:
        version, file, flaw = broken
        spare = f"move {HINT} and the file out of {LOG}: the commits contain the same versions."
        return Damage(file=file, reason=flaw, last_good=last_good, repair=spare if good >= version else back)
    if reason:
        return Damage(file=commit, reason=reason, last_good=last_good, repair=back)
    return None


def _checkpoint_flaw(file: Path) -> str | None:
    import pyarrow.parquet as pq  # imported here because it is slow to import and only needed after a failure

    if not file.is_file():
        return "is missing"
    try:
        with file.open("rb") as stream:
            for _ in pq.ParquetFile(stream).iter_batches():
                pass
    except (pa.ArrowException, OSError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno:  # pyarrow also raises OSError, without a number, for bad content
            raise
        return "is not readable as Parquet"
    return None


def _commit_flaw(file: Path) -> str | None:
    if not file.exists():
        return "is missing"
    try:
        actions = _actions(file)
    except ValueError:
        return "is not readable as JSON"
    return None if all(isinstance(action, dict) for action in actions) else "has a line that is no JSON object"


def _actions(commit: Path) -> list[Any]:
    # Split bytes, not text: str.splitlines also splits at characters that JSON allows within a string.
    return [json.loads(line) for line in commit.read_bytes().splitlines() if line.strip()]


def _damaged_data(table: str, commits: Mapping[int, Path], checkpoints: Mapping[int, list[Path]]) -> Damage | None:
    """Check the data files of the newest version."""
    try:
        files = _files(table)
    except DeltaError:  # not because of a broken file, but for example because delta-rs lacks a feature of the table
        return None
    for path, size in files.items():
        if reason := _data_flaw(table, path, size):
            before = sorted((version - 1 for version, commit in commits.items() if _adds(commit, path)), reverse=True)
            whole = (version for version in before if _has_log(version, commits, checkpoints))
            last_good = next((version for version in whole if _has_data(table, version)), None)
            back = f'DeltaTable("{table}").restore({last_good})'
            return Damage(
                file=Path(table, unquote(path)),
                reason=reason,
                last_good=last_good,
                repair=f"restore that version: python -c 'from deltalake import DeltaTable; {back}'",
            )
    return None


def _files(table: str, version: int | None = None) -> dict[str, int]:
    """Map the path of each data file, encoded as in the log, to its size in bytes. Default: the newest version."""
    files = pa.table(DeltaTable(table, version=version).get_add_actions())
    return dict(zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True))


def _adds(commit: Path, path: str) -> bool:
    """Whether a commit adds a data file. False if the commit is broken: a checkpoint replaces it."""
    if _commit_flaw(commit):
        return False
    return any((action.get("add") or {}).get("path") == path for action in _actions(commit))


def _has_log(version: int, commits: Mapping[int, Path], checkpoints: Mapping[int, list[Path]]) -> bool:
    """Whether the log has every commit since the last checkpoint. delta-rs may ignore a gap and read too few rows."""
    begin = max((known for known in checkpoints if known <= version), default=-1)
    return version >= 0 and all(number in commits for number in range(begin + 1, version + 1))


def _has_data(table: str, version: int) -> bool:
    try:
        return not any(_data_flaw(table, *file) for file in _files(table, version).items())
    except DeltaError:
        return False


def _data_flaw(table: str, path: str, size: int) -> str | None:
    file = Path(table, unquote(path))
    if not file.is_file():
        return "is missing"
    found = file.stat().st_size
    if found != size:
        return f"has {found} bytes instead of {size}"
    with file.open("rb") as stream:
        begin = stream.read(4)
        stream.seek(-4, 2)
        return None if begin == stream.read(4) == PARQUET else "is no Parquet file"
