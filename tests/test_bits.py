"""The comparison of tables, on which many tests rely, finds every difference."""

import pandas as pd
import pytest

from tests.bits import differences

MOMENTS = pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"], utc=True)
FRAME = pd.DataFrame({"k": ["a", "b", "c"], "feature_time": MOMENTS, "x": [0.1, None, 0.3], "n": [1, 2, 3]})
OTHERS = {
    "one bit": FRAME.assign(x=[0.1 + 1e-16 * 2, None, 0.3]),
    "zero for null": FRAME.assign(x=[0.1, 0.0, 0.3]),
    "another number": FRAME.assign(n=[1, 2, 4]),
    "another key": FRAME.assign(k=["a", "b", "d"]),
    "a microsecond": FRAME.assign(feature_time=MOMENTS + pd.Timedelta(microseconds=1)),
    "a row less": FRAME.head(2),
    "a column less": FRAME.drop(columns="n"),
    "a key twice": FRAME.assign(k="a"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_difference_is_found(other):
    assert differences(FRAME, other, ["k"]) != []


def test_the_sign_of_zero_is_a_difference():
    assert differences(FRAME.assign(x=0.0), FRAME.assign(x=-0.0), ["k"]) != []


def test_the_order_of_rows_and_integers_as_floats_are_none():
    assert differences(FRAME, FRAME.sample(frac=1, random_state=7), ["k"]) == []
    assert differences(FRAME, FRAME.assign(n=FRAME["n"].astype(float)), ["k"]) == []
