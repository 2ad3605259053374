"""Training still runs after a feature's type changes, and the earlier training set keeps its rows and types."""

import pandas as pd
from deltalake import DeltaTable
from pyspark.sql import functions as F

from podium.pipelines.training import training_set
from tests.conftest import Project
from tests.pipelines.life import AS_OF, LATER, QUICK


def test_training_runs_after_a_feature_changed_from_text_to_number(project: Project, monkeypatch):
    joined = training_set.described
    project.run("feature_engineering", as_of=LATER)
    with monkeypatch.context() as earlier:
        earlier.setattr(
            training_set,
            "described",
            lambda *given, **named: joined(*given, **named).withColumn("load_3h", F.col("load_3h").cast("string")),
        )
        project.run("training", as_of=AS_OF, **QUICK)
    table = DeltaTable(str(project.answers / "training_sets" / "examples"))
    held = table.to_pandas()

    project.run("training", as_of=LATER, **QUICK)

    found = project.table("training_sets/examples")
    assert (held["load_3h"].dtype, found["load_3h"].dtype) == ("object", "int64")
    assert set(found["as_of"]) == {pd.Timestamp(LATER, tz="UTC")}
    assert set(held["as_of"]) == {pd.Timestamp(AS_OF, tz="UTC")}
    pd.testing.assert_frame_equal(DeltaTable(table.table_uri, version=table.version()).to_pandas(), held)
