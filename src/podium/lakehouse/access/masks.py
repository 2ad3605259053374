"""Column masks: replace text by a keyed HMAC-SHA256 on load. Equal values get equal masks, so joins still work."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from podium.lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

__all__ = ["DIGITS", "hmac_key", "mask_frame", "mask_rows", "masked_value"]

# The number of hexadecimal digits in a mask. With 32 digits (128 bits), collisions among a billion values are
# practically impossible, and a mask is still short enough to show on a page.
DIGITS = 32
# Matches Spark's names of text types.
TEXT = re.compile(r"string|(var)?char\(\d+\)")


def hmac_key(secret: str) -> bytes:
    """The key of the HMAC: a hexadecimal digest of the secret. It fills one SHA-256 block, as ``sql.py`` requires."""
    return sha256(secret.encode()).hexdigest().encode()


def masked_value(key: bytes, kind: str, value: str) -> str:
    """The mask of one value: the first 128 bits of the HMAC-SHA256 of ``kind:value``, in hexadecimal (RFC 2104)."""
    return hmac.new(key, f"{kind}:{value}".encode(), sha256).hexdigest()[:DIGITS]


def mask_frame(frame: DataFrame, columns: Mapping[str, str], key: Callable[[], bytes]) -> DataFrame:
    """The frame with the given columns masked, lazily. Null stays null.

    Args:
        frame: rows of any engine.
        columns: column in lower case -> kind.
        key: returns the key. Called only if there is a column to mask.

    Raises:
        LakehouseError: a column to mask is not a text column, or is a field inside another column.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.functions import pandas_udf

    found = {field.name: field.dataType for field in frame.schema.fields}
    _refuse(columns, {name: kind.simpleString() for name, kind in found.items()}, _inner(found.values()))
    # Use a user-defined function, which carries the key in its pickled bytes. As a literal in SQL, the key would appear
    # in query plans and logs.
    udf: Any = pandas_udf
    hide = {
        name: udf(_masker(key(), columns[name.lower()]), "string")(F.col(f"`{name}`"))
        for name in found
        if name.lower() in columns
    }
    return frame.withColumns(hide) if hide else frame


def mask_rows(rows: pd.DataFrame, columns: Mapping[str, str], key: Callable[[], bytes]) -> pd.DataFrame:
    """Like ``mask_frame``, for rows in memory. Nested columns become null, because they may hold masked fields."""
    rows = rows.copy()
    for name in rows.columns:
        if name.lower() in columns:
            rows[name] = _masker(key(), columns[name.lower()])(rows[name])
        elif rows[name].map(lambda value: isinstance(value, dict | list | tuple | np.ndarray)).any():
            rows[name] = None
    return rows


def _masker(key: bytes, kind: str) -> Callable[[pd.Series], pd.Series]:
    def masked(values: pd.Series) -> pd.Series:
        # Mask each distinct value only once per batch, because the values of a column repeat.
        known = {value: masked_value(key, kind, value) for value in values.dropna().unique()}
        return pd.Series([known.get(value) for value in values], index=values.index, dtype=object)

    return masked


def _refuse(columns: Mapping[str, str], types: Mapping[str, str], inner: Iterable[str]) -> None:
    """Raise if a column to mask is not text, or is a field inside another column, because neither can be masked."""
    wrong = [f"{n} is {t}" for n, t in types.items() if n.lower() in columns and not TEXT.fullmatch(t)]
    wrong += [f"{name} is inside another column" for name in inner if name.lower() in columns]
    if wrong:
        raise LakehouseError(
            f"Only text columns can be masked: {', '.join(wrong)}. Store the values in a separate text column, or "
            "remove the right to read this zone from access.yml."
        )


def _inner(kinds: Iterable[DataType]) -> Iterator[str]:
    """The names of all fields that are nested in structs, arrays and maps."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    for kind in kinds:
        if isinstance(kind, StructType):
            yield from kind.names
            yield from _inner(field.dataType for field in kind.fields)
        elif isinstance(kind, ArrayType):
            yield from _inner([kind.elementType])
        elif isinstance(kind, MapType):
            yield from _inner([kind.keyType, kind.valueType])
