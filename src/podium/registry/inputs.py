"""Log the datasets that an MLflow run reads, even while other runs log the same datasets."""

from collections.abc import Sequence

from mlflow import MlflowClient
from mlflow.entities import DatasetInput
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import IntegrityError

__all__ = ["log_inputs"]


def log_inputs(client: MlflowClient, run_id: str, inputs: Sequence[DatasetInput]) -> None:
    """Log the datasets that an MLflow run reads. Try again if another run logs one of them at the same time.

    MLflow 3.17 looks up which datasets exist, then inserts those that do not. If another run inserts one in between,
    the database refuses the insert, and MLflow rolls the whole call back. The other run's dataset is committed by
    then, so the next call finds it and has one dataset less to insert. There are therefore at most as many conflicts
    as datasets, and the call after them succeeds.
    """
    # Sort, because two runs that insert in different orders could deadlock on a database server.
    inputs = sorted(inputs, key=_key)
    for _ in inputs:
        try:
            client.log_inputs(run_id, inputs)
        except MlflowException as cause:
            if not _was_inserted_meanwhile(cause):
                raise
        else:
            return
    client.log_inputs(run_id, inputs)


def _key(each: DatasetInput) -> tuple[str, str]:
    return each.dataset.name, each.dataset.digest


def _was_inserted_meanwhile(cause: MlflowException) -> bool:
    """Whether the database refused the insert because another run inserted one of the datasets first.

    MLflow's own error code is BAD_REQUEST for any refusal, and a server passes on only the text. The text ends with
    the statement and with SQLAlchemy's code for the error, whatever the database.
    """
    text = str(cause)
    return "[SQL: INSERT INTO datasets " in text and f"/{IntegrityError.code})" in text
