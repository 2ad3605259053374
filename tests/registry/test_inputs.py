"""Runs that log the same datasets at one moment all end well."""

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

# Each run shares datasets with others, in an order of its own; the last two have all of them.
READ = {"one": "ab", "two": "bc", "three": "cda", "four": "abcd", "five": "dcba"}


def inputs(names: str, size: int = 1) -> list[DatasetInput]:
    return [DatasetInput(Dataset(name * size, f"digest-{name}", "local", "{}")) for name in names]


@pytest.fixture
def client(new_home) -> MlflowClient:
    return new_home("dev").client


@pytest.fixture
def all_have_looked():
    """No run inserts a dataset before every run has looked for its datasets: the race is certain."""
    looked, mine = threading.Barrier(len(READ), timeout=60), threading.local()

    def wait(session: Session, *_) -> None:
        first = any(isinstance(each, SqlDataset) for each in session.new) and not hasattr(mine, "waited")
        if first:
            mine.waited = True
            looked.wait()

    event.listen(Session, "before_flush", wait)
    yield
    event.remove(Session, "before_flush", wait)


def test_runs_that_log_the_same_datasets_at_once(client, all_have_looked):
    experiment = client.create_experiment("race")
    runs = {name: client.create_run(experiment).info.run_id for name in READ}

    with ThreadPoolExecutor(len(READ)) as pool:
        list(pool.map(lambda name: log_inputs(client, runs[name], inputs(READ[name])), READ))

    for name, read in READ.items():
        found = client.get_run(runs[name]).inputs.dataset_inputs
        assert sorted(each.dataset.name for each in found) == sorted(read)


def test_another_refusal_is_told_at_once(client, monkeypatch):
    run, calls = client.create_run("0"), []
    ask = MlflowClient.log_inputs
    monkeypatch.setattr(MlflowClient, "log_inputs", lambda *given: calls.append(1) or ask(*given))

    with pytest.raises(MlflowException, match="exceeds"):
        log_inputs(client, run.info.run_id, inputs("ab", size=600))

    assert len(calls) == 1
