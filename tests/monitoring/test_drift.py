"""Drift agrees with independent computations and ignores noise."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from podium.errors import PodiumError
from podium.pipelines.monitoring.drift import drift, most_drifted, noise, stability_index
from podium.pipelines.monitoring.histograms import Categories, Numbers, cut_categories, cut_numbers
from podium.pipelines.monitoring.reference import profile

from .worlds import AS_OF, CATEGORICAL, FEATURES, KEYS, world


def plain_psi(then: pd.Series, now: pd.Series, edges: list[float]) -> float:
    """The PSI of a numeric column, computed with numpy's histogram and a separate bin for nulls."""

    def rows(values: pd.Series) -> list[int]:
        full, _ = np.histogram(-values.dropna(), bins=[-np.inf, *sorted(-np.array(edges)), np.inf])
        return [*full, values.isna().sum()]

    used = [(a + 0.5, b + 0.5) for a, b in zip(rows(now), rows(then), strict=True) if a or b]
    p, q = (np.array(side) / sum(side) for side in zip(*used, strict=True))
    return float(sum((a - b) * (np.log(a) - np.log(b)) for a, b in zip(p, q, strict=True)))


@pytest.mark.parametrize("subject", ["waits", "steps"])
def test_psi_agrees_with_numpy(subject, frames, reference, trained, params):
    month = world(3_000, "2013-10-01", "2013-11-01", seed=3)
    month["waits"] *= 1.4
    month["steps"] += np.arange(3_000) % 2
    found = drift(frames(month), reference, AS_OF, params).set_index("subject").loc[subject]
    expected = plain_psi(trained[subject], month[subject], list(reference.bins[subject].edges))
    assert found["psi"] == pytest.approx(expected, rel=1e-9)
    assert found["psi"] > 0.02
    assert (found["rows"], found["reference_rows"]) == (3_000, 20_000)


def test_bins_are_deciles_and_hold_every_row(reference, trained):
    bins, rows = reference.bins["size"], reference.rows["size"]
    assert rows.sum() == 20_000
    assert bins.edges == tuple(np.quantile(trained["size"], np.arange(1, 10) / 10, method="inverted_cdf"))
    assert reference.rows["waits"][-1] == trained["waits"].isna().sum()
    assert reference.positive_rate == trained["label"].mean()


def test_numbers_get_the_code_of_their_bin():
    bins = cut_numbers(pd.Series([0.0, 0, 0, 0, 1, 2, 3, 4, 5, 6, None]), 4)
    values = pa.array([-1.0, 0.0, 0.5, 99.0, float("inf"), float("nan"), None])
    names = [bins.name(code) for code in bins.codes(values)]
    assert names[0] != names[1], "values below the reference must not share the bin of its lowest values"
    assert names[3] == names[4] == "above 4"
    assert names[5] == names[6] == "missing"
    assert cut_numbers(pd.Series([None, None], dtype="float64"), 10) == Numbers(())
    assert [Numbers(()).name(code) for code in Numbers(()).codes(values)].count("missing") == 2


def test_categories_get_the_code_of_their_bin():
    bins = cut_categories(pd.Series(["a"] * 60 + ["b"] * 40 + ["rare"]), 0.05)
    assert bins == Categories(("a", "b"))
    codes = bins.codes(pa.array(["b", "rare", "never seen", None, "a"]))
    assert [bins.name(code) for code in codes] == ["b", "other", "other", "missing", "a"]


def test_noise_agrees_with_a_simulation():
    rng = np.random.default_rng(0)
    shares, n, m = np.full(10, 0.1), 1_000, 20_000
    then, now = rng.multinomial(m, shares, 4_000), rng.multinomial(n, shares, 4_000)
    simulated = np.quantile([stability_index(a, b) for a, b in zip(then, now, strict=True)], 0.99)
    assert noise(then[0], now[0], 0.99) == pytest.approx(simulated, rel=0.1)


def test_a_constant_column_has_no_noise_and_no_drift():
    rows = np.array([0, 500, 0])
    assert (noise(rows, rows, 0.99), stability_index(rows, rows)) == (0.0, 0.0)


@pytest.mark.parametrize("rows", [200, 1_000, 10_000])
def test_months_like_the_reference_have_not_drifted(rows, frames, reference, params):
    months = [world(rows, f"2013-{m:02d}-01", f"2013-{m + 1:02d}-01", seed=10 * rows + m) for m in range(1, 11)]
    found = drift(frames(pd.concat(months)), reference, AS_OF, params)
    assert len(found) == 10 * len(reference.bins)
    assert not found["drifted"].any(), found[found["drifted"]].to_string()


def test_only_shifted_columns_have_drifted(frames, reference, params):
    month = world(1_000, "2013-10-01", "2013-11-01", seed=4)
    month["size"] += 1
    month.loc[::2, "colour"] = "violet"
    found = drift(frames(month), reference, AS_OF, params).set_index("subject")
    assert set(found.index[found["drifted"]]) == {"size", "colour"}
    assert found.loc["colour", "moved"] == "other"
    assert found.loc["colour", "moved_to"] == 0.5
    assert found.loc["size", "moved"].startswith("above ")
    assert most_drifted(found.reset_index(), params)[:2] == ["colour", "size"]


def test_a_month_of_few_rows_or_days_is_reported_without_a_verdict(frames, reference, params):
    few = world(150, "2013-09-01", "2013-10-01", seed=5)
    short = world(2_000, "2013-10-28", "2013-11-01", seed=6)
    months = pd.concat([few, short])
    months["size"] += 5
    found = drift(frames(months), reference, AS_OF, params)
    assert found.loc[found["subject"] == "size", "psi"].min() > 1
    assert not found["drifted"].any()


def test_other_versions_and_predictions_after_as_of_do_not_count(frames, reference, params):
    month = world(500, "2013-10-01", "2013-11-01", seed=7)
    later = world(500, "2013-11-10", "2013-11-12", seed=8)
    other = world(500, "2013-10-01", "2013-11-01", seed=9, version="2")
    later["size"] += 9
    other["size"] += 9
    alone = drift(frames(month), reference, AS_OF, params)
    pd.testing.assert_frame_equal(alone, drift(frames(pd.concat([other, later, month])), reference, AS_OF, params))
    assert alone["complete"].all()


def test_the_month_of_as_of_is_incomplete(frames, reference, params):
    found = drift(frames(world(500, "2013-11-01", "2013-11-09", seed=7)), reference, AS_OF, params)
    assert not found["complete"].any()


def test_no_predictions_give_no_rows(frames, reference, params):
    nothing = frames(world(10, "2013-10-01", "2013-11-01", seed=7)).limit(0)
    found = drift(nothing, reference, AS_OF, params)
    assert found.empty
    assert found["psi"].dtype == "float64"


def test_missing_columns_are_named(frames, reference, params):
    month = frames(world(10, "2013-10-01", "2013-11-01", seed=7)).withColumnRenamed("waits", "wait").drop("size")
    with pytest.raises(PodiumError, match=r"prediction log lacks columns: size, waits \(did you mean 'wait'\?\)"):
        drift(month, reference, AS_OF, params)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            (100, 0),
            "the table of held-out scores of champion 1 is empty. All rows of the champion's training set lie",
        ),
        ((0, 100), "the reference window of champion 1 is empty. All rows of the champion's training set lie"),
        (
            (0, 0),
            "the reference window and the table of held-out scores of champion 1 are empty. The champion's",
        ),
    ],
)
def test_an_empty_reference_is_refused_with_its_cause(frames, trained, params, rows, words):
    names = {"keys": KEYS, "features": FEATURES, "categorical": CATEGORICAL}
    examples, scores = (frames(trained[:100]).limit(number) for number in rows)
    with pytest.raises(PodiumError, match=words):
        profile(examples, scores, model_version="1", metrics={}, params=params, **names)
