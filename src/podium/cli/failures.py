"""Show errors of Podium on the command line: the message and an exit code, without a stack trace."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

import click

from podium.errors import PodiumError

__all__ = ["ending_plainly", "show_uncaught"]


@contextmanager
def ending_plainly() -> Iterator[None]:
    """Turn a PodiumError in the block into its message and exit code, as click does with its own errors."""
    try:
        yield
    except PodiumError as error:
        _end(error)


def show_uncaught() -> None:
    """Show an uncaught PodiumError in the same way, in a process of another command such as ``kedro run``."""
    before = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, PodiumError):
            _end(error)
        before(kind, error, trace)

    sys.excepthook = show


def _end(error: PodiumError) -> NoReturn:
    click.ClickException(error.message).show()
    sys.exit(error.exit_code)
