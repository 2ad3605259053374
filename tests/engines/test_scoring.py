"""Features and scores of requests are the same on every engine, and equal those computed in the test process."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from podium.features.feature_join import described, described_few, requests_between
from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset
from podium.models.fitting import fit
from podium.models.model import Model, digest
from podium.models.scoring import add_scores
from podium.pipelines.ingestion.clock import parse_moment
from podium.problems.flight_delay import PROBLEM
from tests.bits import assert_same_rows
from tests.conftest import SAIL, Project, on_two_engines
from tests.engines.conftest import AS_OF

BY = [*PROBLEM.keys, "prediction_time"]
ALGORITHMS = {"lightgbm": {"rounds": 15, "min_data_in_leaf": 20}, "logistic_regression": {}}


def asked_and_tables(project: Project):
    """Every request of the project, and the feature tables, read by the current engine."""

    def table(name: str):
        return DeltaDataset(path=str(project.lake / name), zone=name.partition("/")[0]).load()

    bronze = {event: table(f"bronze/{event}") for event in PROBLEM.request_reads}
    asked = requests_between(bronze, PROBLEM, after=None, until=parse_moment(AS_OF))
    return asked, {each.name: table(f"features/{each.name}") for each in PROBLEM.tables}


def all_described(project: Project):
    """Every request of the project with its features, computed by the current engine."""
    return described(*asked_and_tables(project), PROBLEM)


@pytest.fixture(scope="module")
def on_sail_described(spark, on_sail: Project) -> pd.DataFrame:
    """The requests with their features, computed by Sail, whichever engine the first test has configured."""
    configured = engine.current()
    engine.configure(SAIL)
    found = all_described(on_sail).toPandas().sort_values(BY, ignore_index=True)
    engine.configure(configured)
    return found


@pytest.fixture(scope="module")
def models(on_sail_described: pd.DataFrame) -> dict[str, Model]:
    """One model per algorithm, trained in the test process. The label: the origin's delay is above the median."""
    rows = on_sail_described
    late = (rows["origin_delay_3h"] > rows["origin_delay_3h"].median()).astype(int)
    names = {"features": PROBLEM.feature_names, "categorical": PROBLEM.categorical}
    return {name: fit(name, rows, late, **names, params=params, seed=1) for name, params in ALGORITHMS.items()}


# In make test, engines/test_whole_pipeline.py compares the features and scores of Spark with those of Sail.
@pytest.mark.parametrize(
    "engine_name",
    ["sail", *(pytest.param(name, marks=[pytest.mark.spark, pytest.mark.faults]) for name in ("spark", "connect"))],
    indirect=True,
)
@pytest.mark.usefixtures("generated_code")
def test_every_engine_gives_the_same_features_and_scores(engine_name, on_sail, on_sail_described, models, tmp_path):
    """The point-in-time join gives the stored features. Python workers compute request features and scores."""
    frame = all_described(on_sail)
    for name, model in models.items():
        model.save(tmp_path / name)
        frame = add_scores(frame, model, digest=digest(tmp_path / name)).withColumnRenamed("score", name)

    found = frame.toPandas().sort_values(BY, ignore_index=True)

    assert len(found) > 300
    assert found[[feature.name for feature in PROBLEM.request.features]].notna().all(axis=None)
    assert_same_rows(on_sail_described, found.drop(columns=list(models)), keys=BY)
    for name, model in models.items():
        expected = model.score(on_sail_described)
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-9)


def test_few_requests_get_the_same_from_this_process(spark, on_sail, on_sail_described, models):
    asked, tables = asked_and_tables(on_sail)
    few = asked.filter(f"carrier = '{on_sail_described['carrier'][0]}'").toArrow()
    mine = on_sail_described[on_sail_described["carrier"] == on_sail_described["carrier"][0]].reset_index(drop=True)

    found = described_few(few, tables, PROBLEM)

    assert len(found) > 10
    for name, model in models.items():
        found = add_scores(found, model, digest="").rename_columns({"score": name})
        mine[name] = model.score(mine)
    found = found.to_pandas().sort_values(BY, ignore_index=True)
    assert_same_rows(mine.drop(columns=list(models)), found.drop(columns=list(models)), keys=BY)
    for name in models:
        np.testing.assert_array_equal(found[name], mine[name])


@on_two_engines
def test_no_requests_give_no_scores(engine_name, on_sail, models, tmp_path):
    model = models["lightgbm"]
    model.save(tmp_path)

    assert add_scores(all_described(on_sail).limit(0), model, digest=digest(tmp_path)).isEmpty()
