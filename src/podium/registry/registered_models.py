"""Registered models and their aliases, as MLflow tells them."""

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

__all__ = ["aliases_of", "model_names"]


def aliases_of(client: MlflowClient, name: str) -> dict[str, str] | None:
    """The aliases of a model and the version that each one names; None if there is no such model.

    Raises:
        MlflowException: MLflow cannot tell. Don't take that for "no alias": it would hide the champion from the gate.
    """
    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}


def model_names(client: MlflowClient) -> list[str]:
    """The names of all registered models, sorted. MLflow lists them in pages."""
    names: list[str] = []
    token: str | None = None
    while True:
        page = client.search_registered_models(page_token=token)
        names += [model.name for model in page]
        token = page.token
        if not token:
            return sorted(names)
