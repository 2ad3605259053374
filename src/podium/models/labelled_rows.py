"""Labelled rows, and the shape of the functions that learn from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .columns import ModelError
from .model import Model

__all__ = ["Examples", "Fitter"]

# Checking, encoding and binning are the same for every trial, so a fitter does them once, when it is made.
Fitter: TypeAlias = Callable[[Mapping[str, Any]], Model]


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from: a frame with at least the features, and a label of 0 or 1 for each row."""

    columns: pd.DataFrame
    label: NDArray[np.int64]

    @classmethod
    def of(cls, columns: pd.DataFrame, label: ArrayLike) -> "Examples":
        """Checked examples.

        Raises:
            ModelError: there are no rows, labels other than 0 and 1, or labels of one class only.
        """
        values = np.asarray(label)
        if len(values) != len(columns):
            raise ModelError(f"{len(columns)} rows have {len(values)} labels. Give one label for each row.")
        classes = [] if len(values) == 0 else np.unique(values.astype("float64")).tolist()
        if classes != [0.0, 1.0]:
            raise ModelError(f"A fit needs labels of both classes, 0 and 1; {len(values)} rows have only {classes}.")
        return cls(columns, values.astype("int64"))

    def __len__(self) -> int:
        return len(self.label)

    def thinned(self, rows: int) -> "Examples":
        """At most ``rows`` of the examples, evenly spaced, so that every part of them keeps its share."""
        if len(self) <= rows:
            return self
        at = np.arange(rows) * len(self) // rows
        return Examples(self.columns.iloc[at], self.label[at])
