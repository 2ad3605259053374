"""How a command line shows an error of Podium: its message and an exit code, without a stack trace."""

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
    """End the process with the message of an error of Podium, as click does with its own errors."""
    try:
        yield
    except PodiumError as error:
        _end(error)


def show_uncaught() -> None:
    """Do the same in a process whose command is not ours, such as ``kedro run``."""
    before = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, PodiumError):
            _end(error)
        before(kind, error, trace)

    sys.excepthook = show


def _end(error: PodiumError) -> NoReturn:
    click.ClickException(error.message).show()
    sys.exit(error.exit_code)
