"""The baseline model: it scores a row by the rate of positives among the training rows of the same group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from podium.errors import did_you_mean

from .columns import Encoded, Levels, ModelError, encode, levels_of
from .labelled_rows import Examples, Fitter
from .model import Model

__all__ = ["Heuristic", "fitter"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Heuristic(Model):
    """Scores a row by the rate of positives in its group in training, smoothed toward the next coarser group's rate.

    ``features`` are the columns that define the groups, coarsest first. The coarser group's rate counts as much as
    ``pseudo_rows`` further rows: an empirical Bayes estimate (Efron and Morris 1975). A group that training did not see
    gets the rate of the finest coarser group that it did see, at worst the overall rate.

    Attributes:
        groups: for each depth, from 0 (all rows) to all features: [group, rows, positive rows] of every group.
    """

    algorithm: ClassVar[str] = "heuristic"

    groups: Sequence[Sequence[Sequence[Any]]]

    def _score(self, columns: Encoded) -> NDArray[np.float64]:
        return self._rates(columns)[-1]

    def _contributions(self, columns: Encoded) -> NDArray[np.float64]:
        rates = np.array(self._rates(columns))
        return np.diff(np.log(rates / (1 - rates)), axis=0).T

    def _rates(self, columns: Encoded) -> list[NDArray[np.float64]]:
        """The smoothed rate of positives in each row's group: one array for 0 (all rows) to all grouping columns."""
        keys = _keys(columns, self.categorical, self.params["steps"])
        _, rows, positive = self.groups[0][0]
        rates = [np.full(len(keys), positive / rows)]
        for depth, (index, counts) in enumerate(self._tables, start=1):
            at = index.get_indexer(pd.MultiIndex.from_frame(keys.iloc[:, :depth]))
            rows, positive = counts[:, at]
            weight = self.params["pseudo_rows"]
            rates.append(np.where(at < 0, rates[-1], (positive + weight * rates[-1]) / (rows + weight)))
        return rates

    @cached_property
    def _tables(self) -> list[tuple[pd.MultiIndex, NDArray[np.int64]]]:
        """For the first 1 to all grouping columns: the groups, and their rows and positives, shape (2, groups + 1)."""
        tables = []
        for depth, table in enumerate(self.groups[1:], start=1):
            known = pd.DataFrame([group for group, _, _ in table], columns=list(self.features[:depth]))
            # Append an entry with counts of zero: an unknown group has index -1, which selects the last entry.
            counts = np.array([*([rows, positive] for _, rows, positive in table), [0, 0]], dtype="int64").T
            tables.append((pd.MultiIndex.from_frame(known), counts))
        return tables


def fitter(
    train: Examples, validation: Examples | None, *, features: Sequence[str], categorical: Sequence[str], seed: int
) -> Fitter:
    """Return a function that fits by counting (see ``fitting.fitter``). ``validation`` and ``seed`` are not used."""

    def fit(params: Mapping[str, Any]) -> Heuristic:
        by = tuple(params["by"])
        unknown = [name for name in by if name not in features]
        if unknown:
            names = ", ".join(f"{name!r}{did_you_mean(name, features)}" for name in unknown)
            raise ModelError(f"The heuristic groups by unknown features: {names}. Correct its parameter 'by'.")
        levels = levels_of(train.columns, [name for name in by if name in categorical])
        keys = _keys(encode(train.columns, by, levels), levels, params["steps"])
        groups = [_counts(keys.iloc[:, :depth], train.label) for depth in range(len(by) + 1)]
        return Heuristic(features=by, categorical=levels, params=dict(params), groups=groups)

    return fit


def _keys(columns: Encoded, levels: Levels, steps: Mapping[str, float]) -> pd.DataFrame:
    """The group of each row: texts unchanged, numbers divided by their step and rounded down, missing values null."""
    keys = {}
    for name, values in columns.items():
        if name in levels:
            keys[name] = np.array([*levels[name], None], dtype=object)[values]
        else:
            keys[name] = np.floor(values / steps.get(name, 1.0))
    return pd.DataFrame(keys)


def _counts(keys: pd.DataFrame, label: NDArray[np.int64]) -> list[list[Any]]:
    """One list [group, rows, positive rows] for each group, sorted. Groups with a missing value are left out."""
    if keys.columns.empty:
        return [[[], len(label), int(label.sum())]]
    counted = pd.Series(label).groupby([keys[name] for name in keys]).agg(["size", "sum"])
    groups = [list(group) if isinstance(group, tuple) else [group] for group in counted.index]
    return [
        [group, int(rows), int(positive)] for group, rows, positive in zip(groups, *counted.T.to_numpy(), strict=True)
    ]
