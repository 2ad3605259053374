"""Locate an environment's MLflow and check that it answers. MLflow imports slowly, so only functions import it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from podium.errors import PodiumError
from podium.lakehouse.atomic_files import create_once

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "TrackingLocation",
    "artifact_location",
    "asking",
    "database_file",
    "end_killed_run",
    "prepare",
    "registry_uri",
    "tracking_uri",
]

SQLITE = "sqlite:///"
# The names of MLflow's database file and artifact folder in the environment's folder.
DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
SERVERS = ("http", "https")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
DATABRICKS = ("databricks", "databricks-uc")
# When checking whether a server answers, give up after two attempts of 8 seconds each. By default, MLflow retries for
# minutes.
IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "8"}
# Error codes of a server that demands credentials. Such a server does answer, so the check passes: kedro-mlflow sets
# the credentials later.
ANSWERS_STRANGERS = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def tracking_uri(server: str | None, folder: str) -> str:
    """The address of MLflow: ``server`` if one is configured, otherwise a SQLite database in ``folder``."""
    return server or f"{SQLITE}{folder}/{DATABASE}"


def registry_uri(uri: str) -> str:
    """The address of the model registry: Unity Catalog on Databricks, otherwise the tracking address."""
    return uri.replace("databricks", "databricks-uc", 1) if uri.partition(":")[0] == "databricks" else uri


def artifact_location(uri: str, folder: str) -> str | None:
    """The artifact folder for an MLflow database, which stores no files; None for a server, which chooses its own."""
    return f"{folder}/{ARTIFACTS}" if _scheme(uri) in DATABASES else None


def database_file(uri: str) -> Path | None:
    """The file of a SQLite database; None for any other address."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


@dataclass(frozen=True, kw_only=True)
class TrackingLocation:
    """An environment's MLflow: its address, and the experiment that its runs belong to."""

    env: str
    uri: str
    registry: str
    experiment: str
    artifacts: str | None

    @classmethod
    def of(cls, env: str, section: Mapping[str, Any]) -> "TrackingLocation":
        """Read the location from the section ``mlflow`` of the environment's configuration."""
        experiment = section["tracking"]["experiment"]
        artifacts = experiment.get("create_experiment_kwargs", {}).get("artifact_location")
        server = section["server"]
        return cls(
            env=env,
            uri=server["mlflow_tracking_uri"],
            registry=server["mlflow_registry_uri"],
            experiment=experiment["name"],
            artifacts=artifacts,
        )

    @property
    def exists(self) -> bool:
        """Whether MLflow may be queried. False if its SQLite database is missing, because a query would create it."""
        file = database_file(self.uri)
        return file is None or file.is_file()

    def client(self) -> "MlflowClient":
        """A client of this MLflow, even if the process or its environment variables select another MLflow."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.registry)

    def experiment_id(self) -> str:
        """Return the experiment's id. Create the experiment if needed; several processes may do so at the same time."""
        from mlflow.exceptions import MlflowException

        client = self.client()
        found = client.get_experiment_by_name(self.experiment)
        if found is None:
            try:
                return client.create_experiment(self.experiment, self.artifacts)
            except MlflowException as cause:
                found = client.get_experiment_by_name(self.experiment)
                if found is None:
                    raise cause from None
        return found.experiment_id


def end_killed_run() -> None:
    """Mark the active MLflow run, if any, as killed. Without this, MLflow marks it as finished at process exit."""
    import mlflow

    mlflow.end_run("KILLED")


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Run a ``with`` block, and turn errors of MLflow into a PodiumError that names MLflow's address."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as cause:
        raise PodiumError(
            f"A request to MLflow at {_shown(uri)} failed: {cause} Check that MLflow can be reached, and that its "
            "database was created by the MLflow version of this project."
        ) from cause


def prepare(uri: str) -> None:
    """Create MLflow's SQLite database if it does not exist. If MLflow is a server, check that it answers.

    Raises:
        PodiumError: the address is not an address of MLflow, or the server does not answer.
    """
    file = database_file(uri)
    if file is not None:
        if not file.exists():
            _make_database(file)
        return
    scheme = _scheme(uri)
    if scheme not in {*SERVERS, *DATABASES, *DATABRICKS}:
        raise PodiumError(
            f"{_shown(uri)!r}, {_named_by(uri)}, is not an address of MLflow. "
            "Write http://HOST:PORT, https://HOST, databricks, or the address of a database."
        )
    if scheme in SERVERS:
        _see_that_it_answers(uri)


def _make_database(file: Path) -> None:
    """Create MLflow's database atomically. MLflow itself takes many steps, and a kill in between makes it unusable."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    try:
        with create_once(file) as part:
            store = SqlAlchemyStore(f"{SQLITE}{part}", str(file.with_name(ARTIFACTS)))  # type: ignore[no-untyped-call]
            store.engine.dispose()
    except OSError as cause:
        from podium.lakehouse.refusals import explain  # imported here because it loads PySpark, which is slow

        raise PodiumError(explain(cause, f"MLflow's database {file}", {}) or str(cause)) from cause


def _see_that_it_answers(uri: str) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        with _impatient():
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
    except MlflowException as cause:
        if cause.error_code in ANSWERS_STRANGERS:
            return
        raise PodiumError(
            f"The MLflow server {_shown(uri)}, {_named_by(uri)}, does not answer. Nothing was run. Start the "
            "server, set the address of another one, or remove the setting. Without a server, runs are recorded in a "
            "database in the environment's folder."
        ) from cause


@contextmanager
def _impatient() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in IMPATIENT}
    os.environ.update(IMPATIENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _scheme(uri: str) -> str:
    """The scheme of an address, without a driver: ``postgresql`` for ``postgresql+psycopg2://...``."""
    return uri if uri in DATABRICKS else urlsplit(uri).scheme.partition("+")[0]


def _named_by(uri: str) -> str:
    """Say where this address is set: in an environment variable or in the configuration."""
    variables = sorted(name for name, value in os.environ.items() if value == uri and name.startswith("PODIUM_"))
    return f"named by the variable {' and '.join(variables)}" if variables else "named in globals.yml or mlflow.yml"


def _shown(uri: str) -> str:
    """The address without user name and password, for messages."""
    account, at, _ = urlsplit(uri).netloc.rpartition("@")
    return uri.replace(account + at, "", 1)
