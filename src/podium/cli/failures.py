"""How a command line shows an error of Podium: its message and an exit code, without a stack trace."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import click

from podium.errors import PodiumError

__all__ = ["as_click", "show_uncaught"]


@contextmanager
def as_click() -> Iterator[None]:
    """Turn Podium's errors into click's, which click shows."""
    try:
        yield
    except PodiumError as error:
        raise _failure(error) from error


def show_uncaught() -> None:
    """Show Podium's errors plainly in a process whose commands are not ours, such as ``kedro run``."""
    before = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, PodiumError):
            before(kind, error, trace)
            return
        _failure(error).show()
        sys.exit(error.exit_code)

    sys.excepthook = show


def _failure(error: PodiumError) -> click.ClickException:
    failure = click.ClickException(error.message)
    failure.exit_code = error.exit_code  # type: ignore[misc]  # click types it as a class variable
    return failure
