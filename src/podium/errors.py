"""Errors with a message for a person: what failed, on which object, what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["PodiumError", "did_you_mean"]


class PodiumError(Exception):
    """An error whose message is for the person who reads it; command lines show it without a stack trace."""

    exit_code = 1

    @property
    def message(self) -> str:
        """The text that a command line shows."""
        return str(self)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` if a known word is similar, else an empty string."""
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
