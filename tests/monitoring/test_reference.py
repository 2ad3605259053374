"""The reference splits the rows where the champion's own training ended, even if the parameters have changed since."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pandas as pd

from podium.models.fitting import fit
from podium.pipelines.inference.nodes import InferenceParams
from podium.pipelines.monitoring import nodes
from podium.registry.versions import ModelVersion
from tests.models.conftest import CATEGORICAL, FEATURES, KEYS, flights

AS_OF = datetime(2013, 4, 11, tzinfo=UTC)
PROBLEM = SimpleNamespace(name="late", keys=KEYS, categorical=CATEGORICAL)


def champion(holdout_days: int, rows: pd.DataFrame) -> ModelVersion:
    how = {"features": FEATURES, "categorical": CATEGORICAL, "params": {"by": ["carrier"]}, "seed": 1}
    model = fit("heuristic", rows, rows["label"], **how)
    return ModelVersion(
        name="late",
        version="1",
        model=model,
        as_of=AS_OF,
        digest=f"of {holdout_days}",
        tags={},
        training={"holdout_days": holdout_days},
    )


def test_held_out_scores_use_only_rows_that_the_champion_did_not_train_on(spark, params):
    rows = flights().assign(as_of=AS_OF, empty=0.0, dest=lambda frame: frame["dest"].fillna("BOS"))
    examples = spark.createDataFrame(rows)
    for days in (14, 30):
        boundary = pd.Timestamp(AS_OF) - pd.Timedelta(days=days)

        found = nodes.reference(champion(days, rows), examples, InferenceParams(), params, problem=PROBLEM)

        unseen = rows["prediction_time"] >= boundary
        assert found.rows["score"].sum() == unseen.sum() > 0
        assert found.rows["carrier"].sum() == (~unseen).sum() > 0
