"""Metrics by slice: which rows count, order, and edge cases."""

import numpy as np
import pandas as pd
import pytest

from podium.models.metrics import measure
from podium.pipelines.evaluation.records import EvaluationError
from podium.pipelines.evaluation.slices import COLUMNS, MISSING, by_slice, records, slice_columns


def test_a_slice_is_measured_on_its_rows_alone(rows):
    table = by_slice(rows, rows["p"].to_numpy(), {"carrier": "slice_carrier"}, 100)
    assert list(table.columns) == COLUMNS
    assert table["value"].tolist() == ["AA", "UA"]
    part = rows[rows["slice_carrier"] == "AA"]
    expected = measure(part["label"].to_numpy(), part["p"].to_numpy())
    found = table.iloc[0]
    assert (found["rows"], found["positive_rate"]) == (len(part), part["label"].mean())
    assert found["auc"] == pytest.approx(expected["auc"])
    assert found["log_loss"] == pytest.approx(expected["log_loss"])
    assert found["calibration_gap"] == pytest.approx(part["p"].mean() - part["label"].mean())


def test_counts_of_every_slice_add_up(rows):
    table = by_slice(rows, rows["p"].to_numpy(), slice_columns(rows), 100)
    assert table.groupby("slice")["rows"].sum().to_dict() == {"carrier": len(rows), "hour": len(rows)}


def test_slices_of_one_class_or_few_rows_have_counts_but_no_metrics():
    rows = pd.DataFrame({"label": [0] * 50 + [1] * 50 + [0, 1], "slice_x": ["a"] * 50 + ["b"] * 50 + ["c"] * 2})
    table = by_slice(rows, np.linspace(0.1, 0.9, 102), {"x": "slice_x"}, 10).set_index("value")
    assert table["rows"].to_dict() == {"a": 50, "b": 50, "c": 2}
    assert table["positive_rate"].to_dict() == {"a": 0.0, "b": 1.0, "c": 0.5}
    assert table[["auc", "log_loss", "calibration_gap"]].isna().all().all()
    assert table["mean_score"].notna().all()
    assert all(part.auc is None for part in records(table.reset_index()))


def test_numeric_slices_are_in_numeric_order_with_missing_values_last():
    rows = pd.DataFrame({"label": [0, 1] * 4, "slice_hour": [10, 10, 9, 9, 2, 2, np.nan, np.nan]})
    table = by_slice(rows, np.full(8, 0.5), {"hour": "slice_hour"}, 1)
    assert table["value"].tolist() == ["2", "9", "10", MISSING]


@pytest.mark.parametrize("dtype", ["category", "string", "object"])
def test_text_columns_can_have_any_dtype(dtype):
    rows = pd.DataFrame({"label": [0, 1, 1, 0], "slice_c": pd.Series(["b", "a", "b", None], dtype=dtype)})
    table = by_slice(rows, np.full(4, 0.5), {"c": "slice_c"}, 1)
    assert table["value"].tolist() == ["a", "b", MISSING]


def test_an_unknown_column_is_named_with_a_hint(rows):
    with pytest.raises(EvaluationError, match=r"no column 'slice_carier'.*did you mean 'slice_carrier'"):
        by_slice(rows, rows["p"].to_numpy(), {"carrier": "slice_carier"}, 100)


def test_no_slices_give_an_empty_table(rows):
    table = by_slice(rows, rows["p"].to_numpy(), {}, 100)
    assert table.empty
    assert list(table.columns) == COLUMNS
    assert records(table) == ()
