"""Held-out rows with known probabilities, and models whose scores are known."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from podium.pipelines.evaluation import assessment
from podium.pipelines.evaluation.parameters import EvaluationParams
from podium.pipelines.evaluation.records import Evaluation

AS_OF = pd.Timestamp("2013-08-01", tz="UTC")
TRAINED_UNTIL = pd.Timestamp("2013-07-01", tz="UTC")
DAYS, ROWS_A_DAY = 28, 100


def make_rows(seed: int = 7, days: int = DAYS, a_day: int = ROWS_A_DAY) -> pd.DataFrame:
    """Rows whose label has the probability ``p``. The weather of a day affects all of its rows."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), a_day)
    weather, own = rng.normal(size=days)[day], rng.normal(size=days * a_day)
    p = 1 / (1 + np.exp(1 - 0.8 * weather - 1.2 * own))
    return pd.DataFrame(
        {
            "prediction_time": AS_OF - pd.Timedelta(days=days) + pd.to_timedelta(day * 1440 + 60, unit="min"),
            "weather": weather,
            "own": own,
            "dest": np.where(own > 0, "BOS", "SFO"),
            "p": p,
            "weak": np.clip(p + rng.normal(0, 0.3, len(p)), 0.01, 0.99),
            "own_score": 1 / (1 + np.exp(1 - 1.2 * own - 0.3 * weather)),
            "label": (rng.random(len(p)) < p).astype(int),
            "slice_carrier": np.where(np.arange(len(p)) % 3 == 0, "AA", "UA"),
            "slice_hour": np.arange(len(p)) % 4 + 9,
        }
    )


def scoring(column: str, algorithm: str = "lightgbm") -> SimpleNamespace:
    """A fake model that returns a column as its score, so that a test can choose the scores."""
    return SimpleNamespace(
        algorithm=algorithm, features=(column,), categorical={}, score=lambda rows: rows[column].to_numpy()
    )


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture(scope="session")
def params() -> EvaluationParams:
    return EvaluationParams(resamples=200, explain_rows=300)


@pytest.fixture(scope="session")
def evaluate(rows: pd.DataFrame, params: EvaluationParams) -> Callable[..., Evaluation]:
    """Return a function that evaluates the perfect score against a weak baseline. Arguments override the defaults."""

    def run(**other: object) -> Evaluation:
        given = {"candidate": scoring("p"), "baseline": scoring("weak", "heuristic"), "rows": rows, "params": params}
        return assessment.evaluate(**{**given, "as_of": AS_OF, "trained_until": TRAINED_UNTIL, **other})

    return run


@pytest.fixture(scope="session")
def good(evaluate: Callable[..., Evaluation]) -> Evaluation:
    return evaluate()
