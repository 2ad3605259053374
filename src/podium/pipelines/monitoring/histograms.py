"""Histograms of many columns at once, counted by the engine in one pass over the rows."""

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

__all__ = ["Bins", "Levels", "Numbers", "count", "cut_levels", "cut_numbers", "require_columns", "sample"]

COUNTS = pa.schema([("window", pa.int64()), ("slot", pa.int32()), ("rows", pa.int64())])


class Bins(Protocol):
    """How one column is cut. The last bin is the one of nulls, so that missing values are watched like any other."""

    dtype: str

    @property
    def size(self) -> int:
        """How many bins there are, that of nulls included."""

    def codes(self, column: pa.Array) -> np.ndarray:
        """The bin of each value."""

    def name(self, code: int) -> str:
        """A bin in words."""


@dataclass(frozen=True)
class Numbers:
    """Bins of a number: up to and including the first edge, the second, ..., above the last."""

    edges: tuple[float, ...]
    dtype = "double"

    @property
    def size(self) -> int:
        """How many bins there are, that of nulls included."""
        return len(self.edges) + 2

    def codes(self, column: pa.Array) -> np.ndarray:
        """The bin of each value; NaN counts as null."""
        values = column.to_numpy(zero_copy_only=False)
        return np.where(np.isnan(values), self.size - 1, np.searchsorted(self.edges, values, side="left"))

    def name(self, code: int) -> str:
        """A bin in words."""
        if code == self.size - 1:
            return "missing"
        if code == len(self.edges):
            return f"above {self.edges[-1]:.4g}" if self.edges else "known"
        return f"up to {self.edges[0]:.4g}" if code == 0 else f"{self.edges[code - 1]:.4g} to {self.edges[code]:.4g}"


@dataclass(frozen=True)
class Levels:
    """Bins of a category: one for each level of the reference that is common enough, one for all others."""

    levels: tuple[str, ...]
    dtype = "string"

    @property
    def size(self) -> int:
        """How many bins there are, those of others and of nulls included."""
        return len(self.levels) + 2

    def codes(self, column: pa.Array) -> np.ndarray:
        """The bin of each value."""
        known = pc.index_in(column, value_set=pa.array(self.levels, column.type)).fill_null(len(self.levels))
        return np.where(column.is_null().to_numpy(zero_copy_only=False), self.size - 1, known.to_numpy())

    def name(self, code: int) -> str:
        """A bin in words."""
        return (*self.levels, "other", "missing")[code]


def cut_numbers(values: pd.Series, bins: int) -> Numbers:
    """Bins that ``values`` fill equally, as far as ties allow."""
    known = values.dropna().to_numpy()
    if not len(known):
        return Numbers(())
    edges = np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf")
    # Where the lowest value fills a bin alone, smaller values than ever seen must not hide in it.
    below = [np.nextafter(known.min(), -np.inf)] if edges[0] == known.min() else []
    return Numbers(tuple(np.unique([*below, *edges]).tolist()))


def cut_levels(values: pd.Series, share: float) -> Levels:
    """One bin for each level that makes up at least ``share`` of ``values``."""
    shares = values.value_counts(normalize=True)
    return Levels(tuple(sorted(shares.index[shares >= share])))


def count(frame: DataFrame, bins: Mapping[str, Bins], window: Column) -> pd.DataFrame:
    """How many rows of each window fall into each bin of each column: ``window``, ``subject``, ``bin``, ``rows``.

    The workers return whole numbers, at most one row for each window and bin, so that the sum depends on nothing.
    """
    starts = np.cumsum([0, *(b.size for b in bins.values())])

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(starts[-1], dtype=np.int64))
        for batch in batches:
            windows = batch.column(0).to_numpy()
            cuts = zip(starts, bins.values(), batch.columns[1:], strict=False)
            slots = np.stack([start + b.codes(column) for start, b, column in cuts])
            for value in np.unique(windows):
                totals[int(value)] += np.bincount(slots[:, windows == value].ravel(), minlength=starts[-1])
        for value, rows in totals.items():
            (slot,) = rows.nonzero()
            yield pa.record_batch([np.full(len(slot), value), slot.astype(np.int32), rows[slot]], schema=COUNTS)

    columns = [F.col(f"`{name}`").cast(b.dtype).alias(name) for name, b in bins.items()]
    partial = frame.select(window.alias("window"), *columns).mapInArrow(in_worker, "window long, slot int, rows long")
    counted = partial.groupBy("window", "slot").agg(F.sum("rows").alias("rows")).toPandas()
    column = np.searchsorted(starts, counted["slot"], side="right") - 1
    return pd.DataFrame(
        {
            "window": counted["window"].astype("int64"),
            "subject": np.array(list(bins), dtype=object)[column],
            "bin": counted["slot"].to_numpy() - starts[column],
            "rows": counted["rows"].astype("int64"),
        }
    ).sort_values(["window", "subject", "bin"], ignore_index=True)


def sample(frame: DataFrame, columns: Mapping[str, str], keys: tuple[str, ...], rows: int) -> pd.DataFrame:
    """Up to ``rows`` rows that look random and are the same on every engine: those whose keys have the lowest hash.

    Args:
        frame: the rows to choose from.
        columns: the columns to fetch, name -> Spark type.
        keys: the columns that identify a row.
        rows: how many rows at most; they are collected.
    """
    order = F.md5(F.concat_ws("|", *(F.col(key).cast("string") for key in keys)))
    wanted = [F.col(f"`{name}`").cast(dtype).alias(name) for name, dtype in columns.items()]
    return frame.select(order.alias("_order"), *wanted).orderBy("_order").limit(rows).drop("_order").toPandas()
