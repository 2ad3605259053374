"""Checks the feature columns of a request or a table and encodes them as numbers for every algorithm."""

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

# The number of rows scored at a time: enough to be fast, and a copy of 100 float64 columns takes only about 50 MB.
CHUNK_ROWS = 65_536


class ModelError(PodiumError):
    """A model cannot be fitted, saved, loaded or scored with the given input."""


def levels_of(frame: pd.DataFrame, categorical: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The distinct texts of each categorical column, sorted, so that their order does not depend on the row order.

    Raises:
        ModelError: a categorical column holds something other than text.
    """
    found = {}
    for name in categorical:
        values = frame[name].dropna().unique()
        if not all(isinstance(value, str) for value in values):
            raise ModelError(
                f"The categorical column {name!r} holds values that are not text. Cast the column to string in the "
                "definition of the feature."
            )
        found[name] = tuple(sorted(values))
    return found


def chunks(columns: Columns, features: Sequence[str]) -> Iterator[Encoded]:
    """Yield the features of ``columns``, ``CHUNK_ROWS`` rows at a time; without rows, one empty chunk.

    Raises:
        ModelError: features are missing (the message names them all), or columns differ in length.
    """
    missing = [name for name in features if name not in columns]
    if missing:
        names = ", ".join(f"{name!r}{did_you_mean(name, map(str, columns))}" for name in missing)
        raise ModelError(
            f"The model cannot score, because feature columns are missing: {names}. Send every feature; "
            "nulls are allowed."
        )
    held = {name: np.asarray(columns[name]) for name in features}
    sizes = {len(values) for values in held.values()}
    if len(sizes) > 1:
        raise ModelError(
            "The model cannot score, because the columns differ in length "
            f"({', '.join(map(str, sorted(sizes)))} rows). Send the same number of values for every column."
        )
    for start in range(0, max(*sizes, 1), CHUNK_ROWS):
        yield {name: values[start : start + CHUNK_ROWS] for name, values in held.items()}


def encode(columns: Columns, features: Sequence[str], levels: Levels) -> Encoded:
    """Encode each feature as an array: numbers as float64, texts as the index of their level.

    Missing values, infinite numbers and levels not seen in training become NaN or index -1.

    Raises:
        ModelError: a numeric feature holds no numbers, or a categorical one no text.
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
        # Replace pd.NA, which nullable pandas columns hold: numpy cannot convert it to a number.
        array = np.where(pd.isna(array), np.nan, array)
    try:
        numbers = array.astype("float64", copy=False)
    except (TypeError, ValueError) as cause:
        raise ModelError(f"The feature {name!r} must be a number, but one of its values is not: {cause}.") from cause
    return np.where(np.isinf(numbers), np.nan, numbers) if np.isinf(numbers).any() else numbers


def _places(name: str, values: ArrayLike, levels: Sequence[str]) -> NDArray[np.intp]:
    array = np.asarray(values)
    if array.dtype.kind not in "OU" and not pd.isna(array).all():
        raise ModelError(f"The categorical feature {name!r} must be text, not {array.dtype}. Cast it to string.")
    known: pd.Index = pd.Index(np.array(levels, dtype=object))
    return known.get_indexer(pd.Index(array.astype(object)))
