"""The documentation pages, and the code blocks and commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import PROJECT

PAGES = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code blocks of a page in the given language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Yield the page and the command for every line of every ``sh`` block."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            yield from ((name(page), line) for line in block.splitlines() if line and not line.startswith("#"))
