"""Write the Databricks bundle: compare its folder with the jobs, and write the files that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, Literal

from podium.errors import PodiumError
from podium.lakehouse import atomic_files

from .checks import CheckedJobs
from .databricks_bundle import REQUIREMENTS, bundle, job_resource
from .locked_requirements import locked_requirements

__all__ = ["Change", "changes", "texts", "write"]

# `podium jobs bundle` replaces or removes only files that begin with this text.
MARK = "# Written by `podium jobs bundle` from "
HEADER = f"{MARK}conf/base/jobs.yml. Do not edit.\n"
RESOURCES = "resources"
WIDTH = 116


@dataclass(frozen=True)
class Change:
    """A file of the bundle that is not up to date with the jobs.

    Attributes:
        verb: the change that brings the file up to date.
        name: the file's path in the bundle's folder.
        before: its text now; empty if the file does not exist.
        after: its text after the change; empty if the change removes the file.
    """

    verb: Literal["add", "replace", "remove"]
    name: str
    before: str
    after: str

    def diff(self) -> str:
        """The change as a unified diff."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(unified_diff(before, after, f"{self.name} (as it is)", f"{self.name} (as it should be)"))


def texts(found: CheckedJobs, home: Path) -> dict[str, str]:
    """Return the bundle's files, name -> text. The same jobs and the same requirements.lock give the same bytes.

    Args:
        found: the jobs.
        home: the checkout, whose lock names the versions that a cluster installs.
    """
    files = {"databricks.yml": _text(bundle(found)), REQUIREMENTS: locked_requirements(home)}
    for name, job in found.jobs.jobs.items():
        if any(task.command for task in job.tasks):
            continue
        files[f"{RESOURCES}/{name}.job.yml"] = _text({"resources": {"jobs": {name: job_resource(found, name)}}})
    return files


def changes(folder: Path, files: Mapping[str, str]) -> list[Change]:
    """List the changes that bring the folder up to date. Only files that begin with ``MARK`` are removed."""
    return list(_changes(folder, files))


def write(folder: Path, found: list[Change]) -> None:
    """Apply the changes to the folder, each file atomically.

    Raises:
        PodiumError: this command did not write a file that it would replace; no file was changed.
    """
    foreign = [change.name for change in found if change.before and not change.before.startswith(MARK)]
    if foreign:
        raise PodiumError(
            f"Nothing was written, because `podium jobs bundle` does not replace files that it did not write: "
            f"{', '.join(foreign)} in {folder}. Move these files, or name another folder with --output."
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
        if name not in files and before.startswith(MARK):
            yield Change("remove", name, before, "")
