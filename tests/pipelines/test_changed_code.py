"""After a change of the features' code, nothing is trained or scored on values that the model does not know."""

from dataclasses import replace

import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Knowledge
from podium.domains.flights import DOMAIN, weather
from podium.errors import PodiumError
from podium.features.code import table_code
from podium.lakehouse.table import DeltaDataset
from podium.pipelines.inference.changed_definitions import require_same_features
from podium.problems.base import Problem
from podium.problems.flight_delay import PROBLEM
from podium.registry.champion_examples import LazyChampionExamplesDataset
from podium.registry.versions import ModelVersion, load_version
from tests.conftest import Project

from .life import AS_OF, LATER, QUICK

# Records of intakes: everything that the champion was trained on, and then facts of some day in March.
NOTHING_SINCE = {"event": ["weather"], "intake": [1], "changed_from": pd.to_datetime(["1970-01-01"], utc=True)}
LATE_HISTORY = {"event": ["weather"], "intake": [2], "changed_from": pd.to_datetime(["2013-03-01"], utc=True)}
ALL_ANEW = {"event": ["weather"], "intake": [2], "changed_from": pd.to_datetime(["1970-01-01"], utc=True)}


def rewritten(knowledge: Knowledge) -> DataFrame:
    """The same weather, by other code."""
    return weather.weather(knowledge).select("*")


def with_weather(**changes) -> Problem:
    """The problem on a domain with another definition of the feature table ``weather``."""
    tables = tuple(replace(table, **changes) if table.name == "weather" else table for table in DOMAIN.tables)
    return replace(PROBLEM, domain=replace(DOMAIN, tables=tables))


@pytest.fixture
def champion(lived: Project) -> ModelVersion:
    found = load_version("flight_delay", "champion")
    assert found is not None
    return found


@pytest.fixture
def check(lived: Project, champion: ModelVersion, spark):
    """Return a function that checks the champion against a problem, with some feature tables changed."""
    path = str(lived.answers / "training_sets" / "examples")
    examples = LazyChampionExamplesDataset(problem="flight_delay", path=path, zone="training_sets").load()

    def table(name: str) -> DataFrame:
        return DeltaDataset(path=str(lived.lake / name), zone=name.partition("/")[0]).load()

    def check(problem: Problem, examples=examples, intake=NOTHING_SINCE, bronze=None, **tables: DataFrame) -> None:
        known = {name: table(f"features/{name}") for name in problem.uses if name not in tables} | tables
        bronze = bronze or {event: table(f"bronze/{event}") for event in problem.request_reads}
        require_same_features(champion, examples, bronze, known, pd.DataFrame(intake), problem)

    check.table = table
    return check


def never():
    raise AssertionError("the training set must not be read if no definition has changed")


def test_without_a_change_nothing_is_compared(check):
    check(PROBLEM, examples=never)


def test_other_code_with_the_same_values_goes_on_and_says_so(check, caplog):
    check(with_weather(compute=rewritten))

    said = "flight_delay: the definitions of weather have changed since version 1 was trained. On 1000 of its training"
    assert said in caplog.text


def test_other_values_are_refused_with_both_values(check):
    cold = check.table("features/weather").withColumn("weather_temp", F.col("weather_temp") * 0)

    with pytest.raises(PodiumError) as refused:
        check(with_weather(compute=rewritten), weather=cold)

    said = str(refused.value)
    assert "the definitions of weather have changed since version 1 was trained" in said
    assert "weather_temp is 0.0, at training " in said
    assert "weather_dewp" not in said
    assert "train anew: kedro run" in said


def test_rows_that_late_history_changed_are_set_aside(check, caplog):
    table = check.table("features/weather")
    late = F.col("feature_time") >= F.lit(pd.Timestamp("2013-03-01", tz="UTC").to_pydatetime())
    since = table.withColumn("weather_temp", F.when(late, 0.0).otherwise(F.col("weather_temp")))

    with pytest.raises(PodiumError, match=r"weather_temp is 0\.0, at training "):
        check(with_weather(compute=rewritten), weather=since)
    check(with_weather(compute=rewritten), weather=since, intake=LATE_HISTORY)
    assert "its training rows before 2013-03-01 00:00, the time of facts taken in later, the features" in caplog.text
    always = table.withColumn("weather_temp", F.lit(0.0))
    with pytest.raises(PodiumError, match=r"weather_temp is 0\.0, at training "):
        check(with_weather(compute=rewritten), weather=always, intake=LATE_HISTORY)


def test_without_rows_to_compare_nothing_is_scored(check):
    """One row that is the same by chance proves nothing."""
    few = check.table("bronze/timetable").filter("carrier = 'HA'")

    with pytest.raises(PodiumError, match=r"too few of its training rows can be computed .*\(\d+ of 1000\): train"):
        check(with_weather(compute=rewritten), bronze={"timetable": few})
    with pytest.raises(PodiumError, match=r"before 1970-01-01 00:00, the time of .* \(0 of 0\): train anew"):
        check(with_weather(compute=rewritten), intake=ALL_ANEW)


def test_a_feature_that_moved_to_another_table_is_compared(check):
    moved = replace(DOMAIN.table("weather"), name="weather_again", compute=rewritten)
    tables = (*(table for table in DOMAIN.tables if table.name != "weather"), moved)
    uses = tuple("weather_again" if name == "weather" else name for name in PROBLEM.uses)
    problem = replace(PROBLEM, domain=replace(DOMAIN, tables=tables), uses=uses)
    same = check.table("features/weather")

    check(problem, weather_again=same)
    with pytest.raises(PodiumError, match=r"weather_temp is 0\.0, at training "):
        check(problem, weather_again=same.withColumn("weather_temp", F.col("weather_temp") * 0))


def test_a_feature_that_is_gone_is_refused(check):
    features = tuple(feature for feature in DOMAIN.table("weather").features if feature.name != "weather_temp")

    with pytest.raises(PodiumError, match="trained on features that are no longer defined: weather_temp"):
        check(with_weather(features=features))


@pytest.mark.parametrize(("stage", "as_of"), [("training", AS_OF), ("inference", LATER)])
def test_tables_of_other_code_are_refused(lived: Project, monkeypatch, stage, as_of):
    def other(table) -> str:
        return "other" if table.name in {"weather", "hour_history"} else table_code(table)

    monkeypatch.setattr("podium.features.refreshes.table_code", other)
    with pytest.raises(PodiumError) as refused:
        lived.run(stage, as_of=as_of, **QUICK)

    said = str(refused.value)
    assert "have changed since they were computed: hour_history, weather." in said
    assert "To compute them again: kedro run --env dev --pipelines feature_engineering --params as_of=2013-" in said


def test_evaluation_refuses_a_candidate_of_other_definitions(lived: Project, monkeypatch):
    monkeypatch.setattr("podium.pipelines.evaluation.nodes.changed_definitions", lambda *_: ["weather"])
    with pytest.raises(PodiumError, match=r"trained on features whose definitions have changed since: weather\. Train"):
        lived.run("evaluation", as_of=AS_OF, **QUICK)


def test_a_version_records_the_definitions_that_it_was_trained_on(champion: ModelVersion):
    recorded = champion.training["definitions"]
    assert recorded.keys() == {*PROBLEM.uses, "request", "requests"}
    assert recorded["weather"] == table_code(DOMAIN.table("weather"))
