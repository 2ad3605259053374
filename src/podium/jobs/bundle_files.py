"""The bundle as files: what they should hold, what they do hold, and writing them without harming anybody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, Literal

from podium.errors import PodiumError
from podium.lakehouse import atomic_files

from .checks import CheckedJobs
from .databricks_bundle import bundle, job_resource

__all__ = ["Change", "changes", "texts", "write"]

# Only files that begin like this are replaced or removed.
HEADER = "# Written by `podium jobs bundle` from conf/base/jobs.yml. Do not edit.\n"
RESOURCES = "resources"
WIDTH = 116


@dataclass(frozen=True)
class Change:
    """A file that is not as the jobs would have it.

    Attributes:
        verb: what would be done to it.
        name: of the file, in the bundle's folder.
        before: its text; empty where there is no such file.
        after: the text that it should have; empty where it should go.
    """

    verb: Literal["add", "replace", "remove"]
    name: str
    before: str
    after: str

    def diff(self) -> str:
        """The lines that differ."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(unified_diff(before, after, f"{self.name} (as it is)", f"{self.name} (as it should be)"))


def texts(found: CheckedJobs) -> dict[str, str]:
    """The bundle's files by name. The same jobs give the same bytes."""
    files = {"databricks.yml": _text(bundle(found))}
    for name in found.jobs.jobs:
        files[f"{RESOURCES}/{name}.job.yml"] = _text({"resources": {"jobs": {name: job_resource(found, name)}}})
    return files


def changes(folder: Path, files: Mapping[str, str]) -> list[Change]:
    """What differs between the folder and what it should hold. Files without the header are no business of this."""
    return list(_changes(folder, files))


def write(folder: Path, found: list[Change]) -> None:
    """Make the changes, each file at once.

    Raises:
        PodiumError: a file that would be replaced is somebody else's; nothing was written.
    """
    foreign = [change.name for change in found if change.before and not change.before.startswith(HEADER)]
    if foreign:
        raise PodiumError(
            f"{', '.join(foreign)} in {folder} was not written by this command, or was edited in its first line, and "
            "would be lost. Move it, or name another folder by --output. Nothing was written."
        )
    for change in found:
        file = folder / change.name
        if not change.after:
            file.unlink()
            continue
        with atomic_files.replace(file) as part:
            part.write_text(change.after, encoding="utf-8")


def _text(content: Mapping[str, Any]) -> str:
    import yaml

    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=WIDTH)


def _changes(folder: Path, files: Mapping[str, str]) -> Iterator[Change]:
    for name, after in files.items():
        file = folder / name
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if before != after:
            yield Change("replace" if before else "add", name, before, after)
    for file in sorted(folder.glob(f"{RESOURCES}/*.yml")):
        name, before = file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8")
        if name not in files and before.startswith(HEADER):
            yield Change("remove", name, before, "")
