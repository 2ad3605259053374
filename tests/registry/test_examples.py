"""The version of the training sets table from which the champion's examples are read."""

from datetime import UTC, datetime

import mlflow
import pytest
from deltalake import DeltaTable, Field
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
                tags={"as_of": as_of.isoformat()},
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


def compact_and_vacuum(examples: ChampionExamplesDataset) -> None:
    """VACUUM without a retention: remove all data files that only older versions of the table need."""
    examples.delta().optimize.compact(max_concurrent_tasks=1)
    examples.delta().vacuum(0, dry_run=False, enforce_retention_duration=False)


@pytest.fixture
def examples(tmp_path) -> ChampionExamplesDataset:
    return ChampionExamplesDataset(problem=NAME, path=str(tmp_path / "examples"), zone="training_sets")


def mine(examples: ChampionExamplesDataset) -> list:
    frame = examples.load().toPandas()
    return list(frame[frame["as_of"] == MINE.replace(tzinfo=None)]["sky"])


@pytest.mark.parametrize("as_of", [LATER, MINE])
def test_after_a_later_training_the_recorded_version_is_read(champion, train, examples, caplog, as_of):
    train(as_of, "fog", "string", recorded=False)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version == champion
    assert not caplog.records


def test_columns_that_the_table_has_gained_are_null(champion, tmp_path, train, examples):
    train(LATER, "fog", "string", recorded=False)
    DeltaTable(str(tmp_path / "examples")).alter.add_columns([Field("wind", "long")])

    assert mine(examples) == ["clear"]
    assert examples.load().select("wind").toPandas()["wind"].isna().all()


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
    assert f"(version {champion}: 1 of its 1 files are missing, probably since a VACUUM)" in said
    assert "trained on the training set as of 2013-04-01 00:00 UTC" in said
    assert "run: kedro run --pipelines training --params as_of=2013-04-01T00:00:00" in said


def test_after_a_vacuum_the_newest_version_is_read_without_a_warning(champion, train, examples, caplog):
    newest = train(LATER, "fog", "string")
    compact_and_vacuum(examples)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version > newest
    assert not caplog.records


def test_after_a_vacuum_rows_that_a_later_run_wrote_again_are_read_with_a_warning(champion, train, examples, caplog):
    with mlflow.start_run():
        newest = train(MINE, 4, "bigint")
    compact_and_vacuum(examples)

    assert mine(examples) == [4]
    assert examples.loaded_version >= newest
    *_, warning = caplog.messages
    assert f"(version 1 of {NAME}) was trained on cannot be read (version {champion}: 1 of its 1 files" in warning
    assert "The rows as of 2013-04-01 00:00 UTC in version" in warning
    assert "they may differ" in warning


def test_after_a_vacuum_that_only_the_engine_can_see_the_newest_version_is_read(champion, train, examples, monkeypatch):
    """In Unity Catalog, ``why_unreadable`` cannot list files."""
    train(LATER, "fog", "string")
    compact_and_vacuum(examples)
    monkeypatch.setattr("podium.registry.champion_examples.why_unreadable", lambda *_: None)

    assert mine(examples) == ["clear"]
    assert examples.loaded_version > champion


def test_a_champion_without_a_recorded_version_uses_the_newest_or_fails(prod, champion, train, examples, caplog):
    client = MlflowClient()
    other = client.create_run(client.get_experiment_by_name("podium").experiment_id).info.run_id
    client.create_model_version(NAME, "nowhere", other, tags={"podium.as_of": MINE.isoformat()})
    client.set_registered_model_alias(NAME, "champion", "2")

    assert mine(examples) == ["clear"]
    assert "(the training run recorded no version of this table)" in caplog.text
    train(LATER, 3, "bigint", recorded=False)
    with pytest.raises(LakehouseError, match="the training run recorded no version of this table"):
        examples.load()


def test_the_examples_are_read_only(examples, spark):
    with pytest.raises(LakehouseError, match="is a read-only view"):
        examples.save(spark.range(1))
