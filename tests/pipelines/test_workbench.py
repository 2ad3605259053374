"""The workbench on a project with a champion: its held-out rows, and features that a trial accepts or refuses."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from pyspark.sql import functions as F

from podium import models
from podium.domains.base import Feature, FeatureTable
from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.models.metrics import measure
from podium.workbench import bench, picture, sql, tables, try_feature
from podium.workbench.trial import _fitted
from tests.conftest import PROJECT

FLIGHT = ["carrier", "flight", "origin"]


@pytest.fixture(scope="module")
def context(lived):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_DATA", str(lived.data))
        with KedroSession.create(project_path=PROJECT, env=lived.env) as session:
            yield session.load_context()


@pytest.fixture(scope="module")
def champion(context):
    return bench(context)


def table(compute, name: str = "flight_last_delay", **options) -> FeatureTable:
    described = {"name": "flight_last", "owner": "you", "description": "", "freshness": timedelta(days=3)}
    features = (Feature(name, "bigint", "minutes", "how late it arrived"),)
    return FeatureTable(**described, entity=tuple(FLIGHT), reads=("arrival",), features=features, compute=compute)


def last_delay(knowledge, known="available_at"):
    arrived = knowledge.bronze["arrival"].filter("arr_delay IS NOT NULL")
    newest = arrived.groupBy(*FLIGHT, F.col(known).alias("feature_time"))
    return newest.agg(F.max("arr_delay").cast("bigint").alias("flight_last_delay"))


def test_the_held_out_rows_are_those_of_the_evaluation(champion):
    figures = measure(champion.unseen["label"].to_numpy(), champion.unseen["score"].to_numpy())
    tags = champion.champion.tags
    assert f"{figures['auc']:.6g}" == tags["podium.metric.auc"]
    assert len(champion.unseen) == int(float(tags["podium.metric.rows"]))
    assert champion.learned["prediction_time"].max() == champion.trained_until
    assert champion.learned["label_available_at"].max() <= champion.unseen["prediction_time"].min()


def test_refitting_on_the_training_rows_gives_the_champion_to_the_last_byte(champion, tmp_path):
    _fitted(champion, champion.learned, []).save(tmp_path / "model")
    assert models.digest(tmp_path / "model") == champion.champion.digest


def test_a_trial_uses_only_feature_values_known_at_the_request(context, champion, lived):
    trial = try_feature(context, champion, table(last_delay))
    landed = lived.table("bronze/arrival").dropna(subset=["arr_delay"])
    landed = landed.groupby([*FLIGHT, "available_at"], as_index=False)["arr_delay"].max().sort_values("available_at")
    asked = trial.unseen.sort_values("prediction_time")
    expected = pd.merge_asof(
        asked,
        landed,
        left_on="prediction_time",
        right_on="available_at",
        by=FLIGHT,
        tolerance=pd.Timedelta(days=3),
    )
    assert expected["arr_delay"].notna().any()
    np.testing.assert_array_equal(expected["arr_delay"].to_numpy(float), asked["flight_last_delay"].to_numpy(float))
    assert trial.known == {"flight_last_delay": pytest.approx(expected["arr_delay"].notna().mean())}
    figures = trial.figures.loc["ROC AUC"]
    assert f"{figures['champion']:.6g}" == champion.champion.tags["podium.metric.auc"]
    assert figures["gain"] == pytest.approx(figures["with it"] - figures["champion"])
    assert figures["low"] <= figures["gain"] <= figures["high"]


@pytest.mark.parametrize(
    "leak",
    [
        lambda knowledge: last_delay(knowledge, "scheduled_departure"),
        # feature_time is right, but the values depend on the maximum over all rows, including later ones.
        lambda knowledge: last_delay(knowledge).withColumn(
            "flight_last_delay",
            F.col("flight_last_delay")
            - F.lit(knowledge.bronze["arrival"].agg(F.max("arr_delay")).toArrow()[0][0].as_py()),
        ),
    ],
    ids=["known too early", "scaled by the end"],
)
def test_a_feature_that_looks_ahead_is_refused(context, champion, leak):
    with pytest.raises(PodiumError, match="flight_last looks ahead: events that became known after 2013-03-0"):
        try_feature(context, champion, table(leak))


def test_a_feature_that_the_champion_already_has_is_refused(context, champion):
    with pytest.raises(PodiumError, match="The champion already has weather_temp"):
        try_feature(context, champion, table(last_delay, "weather_temp"))


def test_the_workbench_gives_tables_query_results_and_pictures(context, lived):
    found = tables(context)
    assert found.loc["flight_delay.predictions", "rows"] == len(lived.table("predictions/log"))
    answer = sql(context, "SELECT max(scheduled_departure) AS last FROM flights.bronze_timetable")
    assert answer["last"][0] == lived.table("bronze/timetable")["scheduled_departure"].max()
    assert picture(context, DOMAIN.pictures[0].title).axes
    with pytest.raises(PodiumError, match="did you mean 'Late flights by month'"):
        picture(context, "Late flights by months")


def test_without_a_champion_the_error_says_what_to_run(project):
    with pytest.raises(PodiumError, match=r"has no champion yet\. To create one, run make demo"):
        bench(project.session.load_context())
