"""Labelled rows, and the type of the functions that fit a model to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .columns import ModelError
from .model import Model

__all__ = ["Examples", "Fitter"]

# A Fitter fits a model for one set of hyperparameters. Work that is the same for every trial, such as binning the rows
# for LightGBM, is done once, when the Fitter is created.
Fitter: TypeAlias = Callable[[Mapping[str, Any]], Model]


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from: a frame with at least the features, and a label of 0 or 1 for each row."""

    columns: pd.DataFrame
    label: NDArray[np.int64]

    @classmethod
    def of(cls, columns: pd.DataFrame, label: ArrayLike) -> "Examples":
        """Check the labels and build the examples.

        Raises:
            ModelError: there are no rows, or more or fewer rows than labels, or the labels are not both 0 and 1.
        """
        values = np.asarray(label)
        if len(values) != len(columns):
            raise ModelError(f"{len(columns)} rows have {len(values)} labels. Give one label for each row.")
        classes = [] if len(values) == 0 else np.unique(values.astype("float64")).tolist()
        if classes != [0.0, 1.0]:
            raise ModelError(
                f"A fit needs labels of both classes, 0 and 1, and no others, but the labels of these {len(values)} "
                f"rows are {classes}."
            )
        return cls(columns, values.astype("int64"))

    def __len__(self) -> int:
        return len(self.label)

    def thinned(self, rows: int) -> "Examples":
        """Return at most ``rows`` examples, evenly spaced, so that every part of the sorted rows keeps its share."""
        if len(self) <= rows:
            return self
        at = np.arange(rows) * len(self) // rows
        return Examples(self.columns.iloc[at], self.label[at])
