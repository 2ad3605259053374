"""Histograms of many columns, counted by the engine in one pass over the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

__all__ = ["Bins", "Categories", "Numbers", "count", "cut_categories", "cut_numbers", "histograms"]

COUNTS = pa.schema([("window", pa.int64()), ("slot", pa.int32()), ("rows", pa.int64())])


class Bins(Protocol):
    """The bins of one column. The last bin holds nulls, so missing values are monitored like any other."""

    @property
    def dtype(self) -> str:
        """The Spark type that the column is cast to."""

    @property
    def size(self) -> int:
        """How many bins there are."""

    def codes(self, column: pa.Array) -> np.ndarray:
        """For each value, the index of the bin that it falls into."""

    def name(self, code: int) -> str:
        """Describe the bin with this number."""


@dataclass(frozen=True)
class Numbers:
    """Bins of a numeric column: one that ends at each edge (inclusive), one above the last, one for null and NaN."""

    edges: tuple[float, ...]
    dtype: str = "double"

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.edges) + 2

    def codes(self, column: pa.Array) -> np.ndarray:
        """For each value, the index of the bin that it falls into."""
        values = column.to_numpy(zero_copy_only=False)
        return np.where(np.isnan(values), self.size - 1, np.searchsorted(self.edges, values, side="left"))

    def name(self, code: int) -> str:
        """Describe the bin with this number."""
        if code == self.size - 1:
            return "missing"
        if not self.edges:
            return "known"
        if code == len(self.edges):
            return f"above {self.edges[-1]:.4g}"
        return f"up to {self.edges[0]:.4g}" if code == 0 else f"{self.edges[code - 1]:.4g} to {self.edges[code]:.4g}"


@dataclass(frozen=True)
class Categories:
    """Bins of a categorical column: one for each level, one for all other levels, one for nulls."""

    levels: tuple[str, ...]
    dtype: str = "string"

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.levels) + 2

    def codes(self, column: pa.Array) -> np.ndarray:
        """For each value, the index of the bin that it falls into."""
        known = pc.index_in(column, value_set=pa.array(self.levels, column.type)).fill_null(len(self.levels))
        return np.where(column.is_null().to_numpy(zero_copy_only=False), self.size - 1, known.to_numpy())

    def name(self, code: int) -> str:
        """Describe the bin with this number."""
        return (*self.levels, "other", "missing")[code]


def cut_numbers(values: pd.Series, bins: int) -> Numbers:
    """Choose bins that each hold the same number of ``values``, as far as ties allow."""
    known = values.dropna().to_numpy()
    if not len(known):
        return Numbers(())
    edges = np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf")
    # If the lowest value fills a bin alone, add an empty bin below that bin, so that new lower values show as drift.
    below = [np.nextafter(known.min(), -np.inf)] if edges[0] == known.min() else []
    return Numbers(tuple(np.unique([*below, *edges]).tolist()))


def cut_categories(values: pd.Series, share: float) -> Categories:
    """Choose bins: one for each value that makes up at least ``share`` of ``values``. Rarer values share a bin."""
    shares = values.value_counts(normalize=True)
    return Categories(tuple(sorted(shares.index[shares >= share])))


def count(frame: DataFrame, bins: Mapping[str, Bins], window: Column) -> pd.DataFrame:
    """Count the rows of each window in each bin of each column.

    Args:
        frame: the rows, read once.
        bins: the bins of each column; a column is cast to the type of its bins.
        window: an integer that identifies the window of a row.

    Returns:
        ``window``, ``subject`` (the column), ``bin``, ``rows``; empty bins are left out. The workers return
        integers, so the sums do not depend on the order of the rows.
    """
    starts = np.cumsum([0, *(b.size for b in bins.values())])
    cuts = list(zip(starts, bins.values(), strict=False))
    # One array holds the counts for the bins of all columns, side by side. Each row adds 1 to one bin of every column.
    slots = int(starts[-1])

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(slots, dtype=np.int64))
        for batch in batches:
            windows = batch.column(0).to_numpy()
            hit = np.stack([start + cut.codes(batch.column(i)) for i, (start, cut) in enumerate(cuts, start=1)])
            for value in np.unique(windows):
                totals[int(value)] += np.bincount(hit[:, windows == value].ravel(), minlength=slots)
        for value, rows in totals.items():
            (slot,) = rows.nonzero()
            yield pa.record_batch([np.full(len(slot), value), slot.astype(np.int32), rows[slot]], schema=COUNTS)

    columns = [F.col(f"`{name}`").cast(b.dtype).alias(name) for name, b in bins.items()]
    partial = frame.select(window.cast("long").alias("window"), *columns).mapInArrow(
        in_worker, "window long, slot int, rows long"
    )
    found = partial.groupBy("window", "slot").agg(F.sum("rows").alias("rows")).toPandas().astype("int64")
    column = np.searchsorted(starts, found["slot"], side="right") - 1
    found["subject"] = np.array(list(bins), dtype=object)[column]
    found["bin"] = found["slot"] - starts[column]
    return found[["window", "subject", "bin", "rows"]].sort_values(["window", "subject", "bin"], ignore_index=True)


def histograms(counts: pd.DataFrame, bins: Mapping[str, Bins]) -> dict[str, dict[int, np.ndarray]]:
    """The counts of ``count`` as arrays: subject -> window -> number of rows in each bin."""
    found: dict[str, dict[int, np.ndarray]] = {subject: {} for subject in bins}
    for window, subject, code, rows in counts.itertuples(index=False, name=None):
        found[subject].setdefault(window, np.zeros(bins[subject].size, dtype=np.int64))[code] = rows
    return found
