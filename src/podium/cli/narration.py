"""Show a pipeline's progress: warnings always, and on a terminal also the node that finished last."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["narrated"]

NODES = "podium.hooks"


class Narrator(logging.Handler):
    """Shows Podium's log: each finished node beside the spinner, and if verbose also as a line; warnings as lines.

    Drops Kedro's own log lines. No failure is lost, because it is raised and the command shows it.
    """

    def __init__(self, out: Console, status: Status, title: str, *, verbose: bool):
        super().__init__(logging.INFO)
        self._out, self._status, self._title, self._verbose = out, status, title, verbose

    def emit(self, record: logging.LogRecord) -> None:
        """Show a log record of Podium, and drop any other."""
        if not record.name.startswith("podium"):
            return
        message = escape(record.getMessage())
        if record.levelno >= logging.WARNING:
            self._out.print(f"    [yellow]{message}[/]", soft_wrap=True)
        elif record.name == NODES:
            self._status.update(f"{self._title} [dim]done: {message.rpartition('.')[2]}[/]")
            if self._verbose:
                self._out.print(f"    [dim]{message}[/]", soft_wrap=True)


@contextmanager
def narrated(out: Console, title: str, *, verbose: bool = False) -> Iterator[None]:
    """While the block runs, show a spinner with a title instead of the log."""
    root = logging.getLogger()
    handlers = root.handlers
    with out.status(title) as status:
        root.handlers = [Narrator(out, status, title, verbose=verbose)]
        try:
            yield
        except BaseException:
            out.print(f"\n{title} [red]failed[/]", soft_wrap=True)
            raise
        finally:
            root.handlers = handlers
