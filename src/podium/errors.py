"""Errors whose message tells the user what failed, on which object, and what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["IncompleteError", "PodiumError", "did_you_mean", "first_line"]


class PodiumError(Exception):
    """An error whose message is written for the user. Command lines show the message without a stack trace."""

    exit_code = 1

    @property
    def message(self) -> str:
        """The text that a command line shows."""
        return str(self)


class IncompleteError(PodiumError):
    """A run has ended, and what it wrote is right, but a part of its input could not be taken in."""

    exit_code = 3


def first_line(error: Exception) -> str:
    """The first line of an error's message. Errors of a database go on with the statement that failed."""
    return str(error).partition("\n")[0]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` with the most similar known word, or an empty string if none is similar."""
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
