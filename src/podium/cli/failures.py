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
    """If the block raises a PodiumError, print its message and exit with its code, as click does for its own errors."""
    try:
        yield
    except PodiumError as error:
        _end(error)


def show_uncaught() -> None:
    """Set sys.excepthook, so that commands such as ``kedro run`` show a PodiumError without a stack trace."""
    before = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, PodiumError):
            _end(error)
        before(kind, error, trace)

    sys.excepthook = show


def _end(error: PodiumError) -> NoReturn:
    click.ClickException(error.message).show()
    sys.exit(error.exit_code)
