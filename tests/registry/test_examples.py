"""The version of the training sets table from which the champion's examples are read."""

from datetime import UTC, datetime

import mlflow
import pytest
from mlflow import MlflowClient

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset, Rows
from podium.lineage.states import DatasetKind, DatasetState
from podium.registry.champion_examples import ChampionExamplesDataset
from podium.registry.runs import record_run
from tests.registry.homes import NAME

TABLE = f"{NAME}.training_sets_examples"
# The champion's as_of, and a later one.
MINE, LATER = datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 5, 1, tzinfo=UTC)


@pytest.fixture
def train(tmp_path, spark):
    """Return a function that writes a training set with one feature and records it as training does."""

    def write(as_of: datetime, sky, dtype: str, *, recorded: bool = True) -> int:
        dataset = DeltaDataset(path=str(tmp_path / "examples"), zone="training_sets", mode="replace", evolve="types")
        frame = spark.createDataFrame([(as_of, sky)], f"as_of timestamp, sky {dtype}")
        dataset.save(Rows(frame=frame, window=f"as_of = TIMESTAMP '{as_of:%Y-%m-%d %H:%M:%S}'"))
        if recorded:
            version = f"{dataset.saved_version}"
            where = {"namespace": "file", "path": dataset.path, "table_id": dataset.table_id}
            record_run(
                tags={},
                read=[],
                wrote=[DatasetState(name=TABLE, kind=DatasetKind.TABLE, version=version, **where)],
                stage="training",
                record={},
            )
        return dataset.saved_version

    return write


@pytest.fixture
def champion(prod, train) -> int:
    """Register a champion trained on a text feature, and return the table version that its run recorded."""
    prod.enter()
    client = MlflowClient()
    client.create_registered_model(NAME)
    with mlflow.start_run() as run:
        version = train(MINE, "clear", "string")
    client.create_model_version(NAME, "nowhere", run.info.run_id, tags={"podium.as_of": MINE.isoformat()})
    client.set_registered_model_alias(NAME, "champion", "1")
    return version


@pytest.fixture
def examples(tmp_path) -> ChampionExamplesDataset:
    return ChampionExamplesDataset(problem=NAME, path=str(tmp_path / "examples"), zone="training_sets")


def mine(examples: ChampionExamplesDataset) -> list:
    frame = examples.load().toPandas()
    return list(frame[frame["as_of"] == MINE.replace(tzinfo=None)]["sky"])


def test_without_a_type_change_the_newest_version_is_read(champion, train, examples):
    newest = train(LATER, "fog", "string", recorded=False)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version == newest


@pytest.mark.parametrize("as_of", [LATER, MINE])
def test_after_a_type_change_the_recorded_version_is_read(champion, train, examples, as_of):
    train(as_of, 3, "bigint", recorded=False)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version == champion


def test_after_a_type_changed_and_changed_back_the_recorded_version_is_read(champion, train, examples):
    train(LATER, 3, "bigint", recorded=False)
    train(LATER, "fog", "string", recorded=False)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version == champion


def test_the_error_for_a_vacuumed_version_says_what_to_run(champion, train, examples):
    train(LATER, 3, "bigint", recorded=False)
    examples.delta().vacuum(0, dry_run=False, enforce_retention_duration=False)
    access.configure(None)  # an earlier test's run may have set a policy, whose environment the command would name

    with pytest.raises(LakehouseError) as lost:
        examples.load()

    said = str(lost.value)
    assert f"(version {champion}: 1 of its 1 files were vacuumed)" in said
    assert "trained on the training set as of 2013-04-01 00:00 UTC" in said
    assert "run: kedro run --pipelines training --params as_of=2013-04-01T00:00:00" in said


def test_the_newest_version_is_read_if_the_recorded_one_was_vacuumed(champion, train, examples):
    train(LATER, 3, "bigint", recorded=False)
    train(MINE, 4, "bigint", recorded=False)
    examples.delta().vacuum(0, dry_run=False, enforce_retention_duration=False)

    assert mine(examples) == [4]


def test_a_champion_without_a_recorded_version_uses_the_newest_or_fails(prod, champion, train, examples):
    client = MlflowClient()
    other = client.create_run(client.get_experiment_by_name("podium").experiment_id).info.run_id
    client.create_model_version(NAME, "nowhere", other, tags={"podium.as_of": MINE.isoformat()})
    client.set_registered_model_alias(NAME, "champion", "2")

    assert mine(examples) == ["clear"]
    train(LATER, 3, "bigint", recorded=False)
    with pytest.raises(LakehouseError, match="the training run recorded no version of this table"):
        examples.load()


def test_the_examples_are_read_only(examples, spark):
    with pytest.raises(LakehouseError, match="is a read-only view"):
        examples.save(spark.range(1))
