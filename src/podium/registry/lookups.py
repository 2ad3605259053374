"""Search MLflow for runs, registered models and versions. MLflow answers in pages; the functions read all pages."""

import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.entities import PagedList

__all__ = [
    "aliases_of",
    "experiment_ids",
    "json_document",
    "json_document_if_any",
    "model_names",
    "newest_run",
    "runs",
    "versions",
]

# The number of runs to request from MLflow at a time.
PAGE = 1_000

Found = TypeVar("Found")


def aliases_of(client: MlflowClient, name: str) -> dict[str, str] | None:
    """Return alias -> version number for a registered model; None if there is no such model.

    Raises:
        MlflowException: MLflow did not answer. Don't treat that as "no alias": the gate would then compare the
            candidate with no champion.
    """
    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}


def model_names(client: MlflowClient) -> list[str]:
    """The names of all registered models, sorted."""
    return sorted(model.name for model in _pages(lambda token: client.search_registered_models(page_token=token)))


def versions(client: MlflowClient, query: str) -> list[ModelVersion]:
    """All registered model versions that match a query in MLflow's search syntax."""
    return list(_pages(lambda token: client.search_model_versions(query, page_token=token)))


def experiment_ids(client: MlflowClient) -> list[str]:
    """The ids of all MLflow experiments."""
    return [each.experiment_id for each in _pages(lambda token: client.search_experiments(page_token=token))]


def runs(
    client: MlflowClient, query: str = "", *, most: int | None = None, experiments: list[str] | None = None
) -> list[Run]:
    """The runs that match a query in MLflow's search syntax, from all experiments, the newest first.

    Args:
        client: a client of the MLflow to query.
        query: MLflow's filter; every run by default.
        most: how many to return; all by default.
        experiments: the ids of all experiments, if the caller knows them; by default MLflow is asked for them.
    """
    searched = experiment_ids(client) if experiments is None else experiments
    size, newest = min(most or PAGE, PAGE), ["attributes.start_time DESC"]
    found = _pages(lambda token: client.search_runs(searched, query, 1, size, newest, token))
    return list(islice(found, most))


def newest_run(client: MlflowClient, **tags: str) -> Run | None:
    """The newest run whose tags ``podium.<name>`` have all the given values; None if there is no such run."""
    query = " and ".join(f"tags.`podium.{name}` = '{value}'" for name, value in tags.items())
    return next(iter(runs(client, query, most=1)), None)


def json_document(client: MlflowClient, run_id: str, name: str) -> dict[str, Any]:
    """Load a JSON file that a run logged as an artifact.

    Raises:
        MlflowException: the run logged no file of that name.
    """
    with tempfile.TemporaryDirectory() as scratch:
        document: dict[str, Any] = json.loads(Path(client.download_artifacts(run_id, name, scratch)).read_bytes())
    return document


def json_document_if_any(client: MlflowClient, run_id: str, name: str) -> dict[str, Any]:
    """Load a JSON file that a run logged. Return {} if the run logged no such file, for instance if it was killed."""
    there = {file.path for file in client.list_artifacts(run_id)}
    return json_document(client, run_id, name) if name in there else {}


def _pages(ask: Callable[[str | None], PagedList[Found]]) -> Iterator[Found]:
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return
