"""Concurrent runs that log the same datasets all succeed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels.models import SqlDataset
from sqlalchemy import event
from sqlalchemy.orm import Session

from podium.registry.inputs import log_inputs

# The datasets of each run, in different orders and overlapping. The last two runs have all of them.
READ = {"one": "ab", "two": "bc", "three": "cda", "four": "abcd", "five": "dcba"}


def inputs(names: str, size: int = 1) -> list[DatasetInput]:
    return [DatasetInput(Dataset(name * size, f"digest-{name}", "local", "{}")) for name in names]


@pytest.fixture
def client(new_home) -> MlflowClient:
    return new_home("dev").client


@pytest.fixture
def forced_race():
    """Force the race: no run inserts a dataset before every run has looked for its datasets."""
    looked, mine = threading.Barrier(len(READ), timeout=60), threading.local()

    def wait(session: Session, *_) -> None:
        first = any(isinstance(each, SqlDataset) for each in session.new) and not hasattr(mine, "waited")
        if first:
            mine.waited = True
            looked.wait()

    event.listen(Session, "before_flush", wait)
    yield
    event.remove(Session, "before_flush", wait)


def test_concurrent_runs_can_log_the_same_datasets(client, forced_race):
    experiment = client.create_experiment("race")
    runs = {name: client.create_run(experiment).info.run_id for name in READ}

    with ThreadPoolExecutor(len(READ)) as pool:
        list(pool.map(lambda name: log_inputs(client, runs[name], inputs(READ[name])), READ))

    for name, read in READ.items():
        found = client.get_run(runs[name]).inputs.dataset_inputs
        assert sorted(each.dataset.name for each in found) == sorted(read)


def test_another_error_is_raised_without_a_retry(client, monkeypatch):
    run, calls = client.create_run("0"), []
    ask = MlflowClient.log_inputs
    monkeypatch.setattr(MlflowClient, "log_inputs", lambda *given: calls.append(1) or ask(*given))

    with pytest.raises(MlflowException, match="exceeds"):
        log_inputs(client, run.info.run_id, inputs("ab", size=600))

    assert len(calls) == 1
