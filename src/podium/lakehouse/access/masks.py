"""Column masks: text becomes a keyed HMAC-SHA256 as it is loaded; equal values stay equal, so joins still work."""

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

# 128 bits: no two of a billion values meet by chance, and a page can still show them.
DIGITS = 32
# What Spark calls text.
TEXT = re.compile(r"string|(var)?char\(\d+\)")


def hmac_key(secret: str) -> bytes:
    """The key of the HMAC: a digest of the secret, so that it always fills one block, as ``sql.py`` needs it."""
    return sha256(secret.encode()).hexdigest().encode()


def masked_value(key: bytes, kind: str, value: str) -> str:
    """The mask of one value: HMAC-SHA256 of ``kind:value`` in hexadecimal, its first 128 bits (RFC 2104)."""
    return hmac.new(key, f"{kind}:{value}".encode(), sha256).hexdigest()[:DIGITS]


def mask_frame(frame: DataFrame, columns: Mapping[str, str], key: Callable[[], bytes]) -> DataFrame:
    """The frame with these columns masked, lazily; null stays null.

    Args:
        frame: rows of any engine.
        columns: column in lower case -> kind.
        key: gives the key; asked only if there is something to mask.

    Raises:
        LakehouseError: a column to mask holds no text, or is inside another one.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.functions import pandas_udf

    found = {field.name: field.dataType for field in frame.schema.fields}
    _refuse(columns, {name: kind.simpleString() for name, kind in found.items()}, _inner(found.values()))
    # A user-defined function carries the key in its own bytes: as a literal it would stand in every plan and log.
    udf: Any = pandas_udf
    hide = {
        name: udf(_masker(key(), columns[name.lower()]), "string")(F.col(f"`{name}`"))
        for name in found
        if name.lower() in columns
    }
    return frame.withColumns(hide) if hide else frame


def mask_rows(rows: pd.DataFrame, columns: Mapping[str, str], key: Callable[[], bytes]) -> pd.DataFrame:
    """The same for a few rows in memory; a column with others inside it is left empty."""
    rows = rows.copy()
    for name in rows.columns:
        if name.lower() in columns:
            rows[name] = _masker(key(), columns[name.lower()])(rows[name])
        elif rows[name].map(lambda value: isinstance(value, dict | list | tuple | np.ndarray)).any():
            rows[name] = None
    return rows


def _masker(key: bytes, kind: str) -> Callable[[pd.Series], pd.Series]:
    def masked(values: pd.Series) -> pd.Series:
        # A column repeats its values: each is worked out once for a batch.
        known = {value: masked_value(key, kind, value) for value in values.dropna().unique()}
        return pd.Series([known.get(value) for value in values], index=values.index, dtype=object)

    return masked


def _refuse(columns: Mapping[str, str], types: Mapping[str, str], inner: Iterable[str]) -> None:
    """A mask must not change a table's types, and what it cannot reach must not pass."""
    wrong = [f"{n} is {t}" for n, t in types.items() if n.lower() in columns and not TEXT.fullmatch(t)]
    wrong += [f"{name} is inside another column" for name in inner if name.lower() in columns]
    if wrong:
        raise LakehouseError(
            f"Only columns of text can be masked: {', '.join(wrong)}. Keep it as a text column of its own, or let "
            "access.yml give no read of this zone."
        )


def _inner(kinds: Iterable[DataType]) -> Iterator[str]:
    """The names of all fields inside structs, arrays and maps."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    for kind in kinds:
        if isinstance(kind, StructType):
            yield from kind.names
            yield from _inner(field.dataType for field in kind.fields)
        elif isinstance(kind, ArrayType):
            yield from _inner([kind.elementType])
        elif isinstance(kind, MapType):
            yield from _inner([kind.keyType, kind.valueType])
