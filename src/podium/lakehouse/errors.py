"""Errors of the lakehouse: what failed, on which object, what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches

from click import ClickException
from kedro.io import DatasetError

__all__ = ["LakehouseError", "PodiumError", "did_you_mean"]


class PodiumError(ClickException):
    """An error with a message for the person who reads it; command lines show it without a stack trace."""


class LakehouseError(PodiumError, DatasetError):
    """A table, a source or an engine could not do what was asked."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` when a known word is near, else an empty string."""
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
