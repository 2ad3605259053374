"""Print the lineage of a model or a table as a tree in which each version and each file appears once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .options import console, day

if TYPE_CHECKING:
    from rich.table import Table as Grid
    from rich.tree import Tree as Drawn

    from podium.lineage.tree import Branch, Tree
    from podium.registry.version_history import Recorded

__all__ = ["as_dict", "show"]

SHORT = 8
HASH = 16


def as_dict(tree: Tree) -> dict[str, Any]:
    """Convert a lineage tree to nested dictionaries, for --json."""
    return {**_dict(tree.root), "used_for": [_dict(branch) for branch in tree.used_for]}


def _dict(branch: Branch) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": branch.kind,
        "name": branch.name,
        "version": branch.version,
        "digest": branch.digest,
        "location": branch.location,
        "note": branch.note,
        "run": None,
        "branches": [_dict(each) for each in branch.branches],
    }
    if branch.run:
        found["run"] = {key: value for key, value in asdict(branch.run).items() if key != "record"}
    return found


class _Drawing:
    """Draws lineage trees that show each version and each file once. Collects the runs that made these versions."""

    def __init__(self) -> None:
        self.runs: dict[str, Recorded] = {}
        self._files: set[str] = set()

    def draw(self, title: str, branches: Iterable[Branch]) -> Drawn:
        """Return a printable tree: the title, and the branches below it."""
        from rich.tree import Tree as Drawn

        drawn = Drawn(title, guide_style="dim")
        self._grow(drawn, branches)
        return drawn

    def line(self, branch: Branch, *, whole: bool = False) -> str:
        """Describe a branch in one line: name, digest, run and note. ``whole`` shows all digits of the digest."""
        from rich.markup import escape

        if branch.kind == "table":
            words = [f"[bold]{branch.name}[/]", branch.digest]
        else:
            name = f"[bold]{branch.name}/{branch.version}[/]" if branch.kind == "model" else escape(branch.name)
            words = [name, f"SHA-256 {branch.digest if whole else branch.digest[:HASH] + '…'}"]
        if branch.run:
            self.runs[branch.run.run_id] = branch.run
            words.append(f"[dim]by {branch.run.pipelines}, run {branch.run.run_id[:SHORT]}[/]")
        if branch.note:
            words.append(f"[yellow]{escape(branch.note)}[/]")
        return "  ".join(words)

    def _grow(self, drawn: Drawn, branches: Iterable[Branch]) -> None:
        """Add each branch that is new to the tree. Then name, in one line, the branches that the tree already shows."""
        from podium.lineage.tree import ABOVE

        again = []
        for branch in branches:
            if branch.note == ABOVE or branch.location + branch.digest in self._files:
                again.append(branch.name.rpartition(".")[2] if branch.kind == "table" else branch.name)
                continue
            if branch.kind == "file":
                self._files.add(branch.location + branch.digest)
            self._grow(drawn.add(self.line(branch)), branch.branches)
        if again:
            drawn.add(f"[dim]shown above: {', '.join(dict.fromkeys(again))}[/]")


def show(tree: Tree) -> None:
    """Print the sources of a model or table, the results made from it, and the runs that made all of these."""
    out, drawing = console(), _Drawing()
    out.print(drawing.draw(drawing.line(tree.root, whole=True), tree.root.branches))
    out.print()
    if tree.used_for:
        out.print(drawing.draw("Used for", tree.used_for))
    else:
        out.print(f"No recorded run made anything from {tree.root.name}.")
    out.print()
    out.print(_runs(drawing.runs.values()))


def _runs(runs: Iterable[Recorded]) -> Grid:
    from rich.table import Table as Grid

    grid = Grid("run", "pipeline", "as of", "env", "engine", "began (UTC)", "code", box=None, header_style="bold")
    for run in sorted(runs, key=lambda run: run.started):
        commit = f"commit {run.commit[:SHORT]}{' and uncommitted changes' if run.changed else ''}"
        code = commit if run.commit else f"package {run.package}"
        began = f"{run.started:%Y-%m-%d %H:%M}"
        grid.add_row(run.run_id[:SHORT], run.pipelines, day(run.as_of), run.env, run.engine, began, code)
    return grid
