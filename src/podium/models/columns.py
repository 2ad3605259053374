"""Columns of a request or a table, checked and turned into numbers that every algorithm understands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from podium.errors import PodiumError, did_you_mean

__all__ = ["Columns", "Encoded", "Levels", "ModelError", "chunks", "encode", "levels_of"]

Columns: TypeAlias = pd.DataFrame | Mapping[str, Any]
Levels: TypeAlias = Mapping[str, tuple[str, ...]]
Encoded: TypeAlias = dict[str, NDArray[Any]]

# Rows scored in one go: enough to be quick, few enough that a copy of 100 columns stays near 50 MB.
CHUNK_ROWS = 65_536


class ModelError(PodiumError):
    """A model cannot be fitted, stored, loaded or asked in this way."""


def levels_of(frame: pd.DataFrame, categorical: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The distinct texts of each categorical column, sorted, so that their order does not depend on that of rows.

    Raises:
        ModelError: a categorical column holds something other than text.
    """
    found = {}
    for name in categorical:
        values = frame[name].dropna().unique()
        if not all(isinstance(value, str) for value in values):
            raise ModelError(
                f"The categorical column {name!r} holds more than text. Cast it to string in the features."
            )
        found[name] = tuple(sorted(values))
    return found


def chunks(columns: Columns, features: Sequence[str]) -> Iterator[Encoded]:
    """The features of ``columns``, ``CHUNK_ROWS`` rows at a time; at least one chunk, if only an empty one.

    Raises:
        ModelError: features are missing (all are named), or columns differ in length.
    """
    missing = [name for name in features if name not in columns]
    if missing:
        names = ", ".join(f"{name!r}{did_you_mean(name, map(str, columns))}" for name in missing)
        raise ModelError(
            f"The model cannot score: missing feature columns: {names}. Send every feature, if only nulls."
        )
    held = {name: np.asarray(columns[name]) for name in features}
    sizes = {len(values) for values in held.values()}
    if len(sizes) > 1:
        raise ModelError(
            f"The model cannot score: columns differ in length ({', '.join(map(str, sorted(sizes)))} rows)."
        )
    for start in range(0, max(*sizes, 1), CHUNK_ROWS):
        yield {name: values[start : start + CHUNK_ROWS] for name, values in held.items()}


def encode(columns: Columns, features: Sequence[str], levels: Levels) -> Encoded:
    """Each feature as an array: float64 with NaN for missing, or, where it has levels, the level's place or -1.

    A level that training never saw counts as missing, and so does a number that is not finite.

    Raises:
        ModelError: a column cannot be read as what it was in training.
    """
    return {
        name: _places(name, columns[name], levels[name]) if name in levels else _numbers(name, columns[name])
        for name in features
    }


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "biufO":
        raise ModelError(f"The feature {name!r} must be a number, not {array.dtype}.")
    if array.dtype.kind == "O":
        # Nullable columns of pandas hold pd.NA, which numpy cannot read as a number.
        array = np.where(pd.isna(array), np.nan, array)
    try:
        numbers = array.astype("float64", copy=False)
    except (TypeError, ValueError) as cause:
        raise ModelError(f"The feature {name!r} must be a number: {cause}.") from cause
    return np.where(np.isinf(numbers), np.nan, numbers) if np.isinf(numbers).any() else numbers


def _places(name: str, values: ArrayLike, levels: Sequence[str]) -> NDArray[np.intp]:
    array = np.asarray(values)
    if array.dtype.kind not in "OU" and not pd.isna(array).all():
        raise ModelError(f"The categorical feature {name!r} must be text, not {array.dtype}. Cast it to string.")
    known: pd.Index = pd.Index(np.array(levels, dtype=object))
    return known.get_indexer(pd.Index(array.astype(object)))
