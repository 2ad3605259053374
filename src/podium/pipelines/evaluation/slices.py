"""Metrics by slice: an average over all rows can hide a group for which the model is useless."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from podium.errors import did_you_mean
from podium.models.metrics import measure

from .records import EvaluationError, Slice

__all__ = ["COLUMNS", "MISSING", "PREFIX", "by_slice", "records", "slice_columns"]

# The prefix of the names of slice columns. It allows a slice and a feature to have the same name.
PREFIX = "slice_"
MISSING = "(missing)"
COLUMNS = ["slice", "value", "rows", "positive_rate", "mean_score", "auc", "log_loss", "calibration_gap"]


def slice_columns(rows: pd.DataFrame) -> dict[str, str]:
    """Map the name of each slice to the column that ``holdout_rows`` added for it."""
    return {column.removeprefix(PREFIX): column for column in rows.columns if str(column).startswith(PREFIX)}


def by_slice(rows: pd.DataFrame, score: np.ndarray, columns: Mapping[str, str], min_rows: int) -> pd.DataFrame:
    """One row for each value of each slice column, sorted by value (numbers numerically), missing values last.

    Args:
        rows: held-out rows with ``label`` and the columns to slice by.
        score: probability of a positive label for each row.
        columns: slice name -> column.
        min_rows: values with fewer rows get null metrics, which would be noise; so do values with only one class.

    Returns:
        The columns of ``COLUMNS``; ``calibration_gap`` is ``mean_score`` minus ``positive_rate``.

    Raises:
        EvaluationError: the rows lack a column to slice by.
    """
    missing = [column for column in columns.values() if column not in rows.columns]
    if missing:
        hint = did_you_mean(missing[0], rows.columns)
        raise EvaluationError(f"The held-out rows have no column {missing[0]!r} to slice by{hint}.")
    label = rows["label"].to_numpy(dtype=np.int64)
    found = [
        {"slice": name, "value": _text(value), **_measured(label[at], score[at], min_rows)}
        for name, column in columns.items()
        for value, at in _groups(rows[column])
    ]
    return pd.DataFrame(found, columns=COLUMNS).astype({"auc": float, "log_loss": float, "calibration_gap": float})


def _groups(values: pd.Series) -> list[tuple[object, np.ndarray]]:
    codes, unique = pd.factorize(values, sort=True, use_na_sentinel=True)
    groups: list[tuple[object, np.ndarray]] = [(value, codes == code) for code, value in enumerate(unique)]
    unknown = codes == -1
    return [*groups, (None, unknown)] if unknown.any() else groups


def _text(value: object) -> str:
    if value is None:
        return MISSING
    # Show whole numbers without a fraction, because pandas stores an integer column with nulls as floats.
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _measured(label: np.ndarray, score: np.ndarray, min_rows: int) -> dict[str, float]:
    positive_rate, mean_score = float(label.mean()), float(score.mean())
    found = {"rows": len(label), "positive_rate": positive_rate, "mean_score": mean_score}
    if len(label) < min_rows or positive_rate in {0.0, 1.0}:
        return found | {"auc": np.nan, "log_loss": np.nan, "calibration_gap": np.nan}
    measured = measure(label, score)
    return found | {
        "auc": measured["auc"],
        "log_loss": measured["log_loss"],
        "calibration_gap": mean_score - positive_rate,
    }


def records(table: pd.DataFrame) -> tuple[Slice, ...]:
    """The table from ``by_slice`` as records, with None for null."""
    rows = table.to_dict(orient="records")
    return tuple(Slice(**{str(name): None if pd.isna(value) else value for name, value in row.items()}) for row in rows)
