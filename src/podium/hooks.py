"""Hooks around every run: validate the configuration, choose the engine, apply the access rules."""

import logging
import os
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from kedro.config import AbstractConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import BaseModel, ValidationError

from podium.errors import IncompleteError, PodiumError, first_line
from podium.home import env_of
from podium.lakehouse import access, engine
from podium.lakehouse.access.principal import on_databricks
from podium.lakehouse.access.run_access import wishes
from podium.lakehouse.credentials import read_credentials
from podium.lakehouse.engines.stores import complete
from podium.lakehouse.refusals import explain
from podium.lakehouse.sources.raw import OpenedSources
from podium.lakehouse.table import DeltaDataset
from podium.selection import require_inputs
from podium.validation import error_lines

logger = logging.getLogger(__name__)

# When they are imported, libraries emit warnings about their own code. Send warnings to the log, where conf/logging.yml
# decides which are shown. If the user has set python -W or PYTHONWARNINGS, that setting decides instead.
if not sys.warnoptions:
    logging.captureWarnings(True)


class PodiumHooks:
    """Podium's hooks. They do not start or end MLflow runs: kedro-mlflow's hooks do that."""

    def __init__(self) -> None:
        self._env = ""
        self._started = 0.0
        self._at = ""
        self._mlflow = ""
        self._refused: dict[str, str] = {}

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the configuration before anything else, and choose the engine without starting it."""
        from podium.project_parameters import check_parameters
        from podium.registry.tracking import TrackingLocation, asking, database_file, prepare

        # Set kedro-mlflow's log level here, not in conf/logging.yml: kedro-mlflow 2.0.3 sets it to INFO on import.
        logging.getLogger("kedro_mlflow").setLevel(logging.WARNING)
        self._env = env_of(context)
        check_parameters(context.config_loader["parameters"], context.config_loader.runtime_params or {})
        use_environment(context.config_loader, self._env, context.project_path)
        place = TrackingLocation.of(self._env, context.config_loader["mlflow"])
        self._mlflow = place.uri
        prepare(place.uri)
        if database_file(place.uri):
            # Create the experiment now. Otherwise, if the first two runs of an environment start at the same time,
            # kedro-mlflow 2.0.3 fails one of them. Don't do this on an MLflow server, because kedro-mlflow sets the
            # server's credentials only later.
            with asking(place.uri):
                place.experiment_id()

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Refuse a run that lacks inputs or permissions, before its MLflow run starts."""
        self._refused = {}
        require_inputs(pipeline, catalog, pipelines["__default__"])
        access.preflight(wishes(pipeline, catalog))

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Start the node's clock. Log its parameters one by one: kedro-mlflow would log them as one text."""
        from podium.registry.runs import record_parameters

        self._started, self._at = perf_counter(), node.name
        parameters = {
            name: value for name, value in inputs.items() if name.startswith("params:") and isinstance(value, BaseModel)
        }
        record_parameters(parameters)

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        """Remember the files of sources that could not be read."""
        for opened in (each for each in outputs.values() if isinstance(each, OpenedSources)):
            self._refused |= opened.refused

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Let the exit code say that files were left out. All nodes have ended, and the other hooks have recorded them.

        Raises:
            IncompleteError: files could not be read.
        """
        if self._refused:
            raise IncompleteError(
                "The run has ended, but these files were left out. They are tried again in the next run:\n  "
                + "\n  ".join(self._refused.values())
            )

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str) -> None:
        """Remember the dataset, so that an error can name it."""
        self._at = dataset_name

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Remember the dataset, so that an error can name it."""
        self._at = dataset_name

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Log one line after a node has saved its last output: the node's name and duration."""
        if dataset_name == node.outputs[-1]:
            logger.info("%6.2f s  %s", perf_counter() - self._started, node.name)

    @hook_impl(wrapper=True)
    def on_pipeline_error(
        self, error: Exception, pipeline: Pipeline, catalog: CatalogProtocol
    ) -> Generator[None, Any, None]:
        """Raise the cause, if it is known, as a PodiumError instead of the errors that Kedro wraps around it."""
        from podium.registry.tracking import asking

        try:
            with asking(self._mlflow):
                yield  # to the hooks that record the failure
        except PodiumError as unrecorded:
            # MLflow's database may lie on the disk that is full, for one. What failed first is what counts.
            logger.warning("MLflow has no record of this failure: %s", first_line(unrecorded))
        if trouble := engine.trouble():
            # Stop the engine now. Otherwise the engine's client waits again, at exit, for the server that has died.
            engine.stop()
            raise PodiumError(f"{trouble} Each table is either completely written or unchanged.") from error
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, PodiumError):
            cause = cause.__cause__
        if cause is not None and cause is not error:
            raise cause
        if cause is None:
            if reason := explain(error, self._at, local_tables(pipeline, catalog)):
                raise PodiumError(reason) from error
            logger.error("%s failed.", self._at)


def local_tables(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, str]:
    """Map each table of a pipeline that is on the local disk to its path."""
    datasets = {name: catalog.get(name) for name in sorted(pipeline.datasets()) if not name.startswith("params:")}
    return {
        name: dataset.path
        for name, dataset in datasets.items()
        if isinstance(dataset, DeltaDataset) and Path(dataset.path).is_dir()
    }


def use_environment(config: AbstractConfigLoader, env: str, project: Path) -> None:
    """Use an environment's storage, engine and access rules from now on. Starts no engine."""
    export_storage(config)
    settings = engine_settings(config["spark"], env)
    engine.configure(settings)
    access.configure(access.load_policy(config, env, project, databricks=on_databricks(settings)))
    access.on_refusal(log_refusal)


def engine_settings(raw: Mapping[str, Any], env: str) -> engine.EngineSettings:
    """Return the settings in spark.yml, validated."""
    try:
        return engine.EngineSettings.model_validate(raw)
    except ValidationError as wrong:
        lines = error_lines(wrong, engine.EngineSettings, show_input=False)
        raise PodiumError(f"spark.yml of {env} is invalid, nothing was run:\n  " + "\n  ".join(lines)) from wrong


def export_storage(config: AbstractConfigLoader) -> None:
    """Export the object store's options from credentials as environment variables, where every engine looks for them.

    They have the standard names, such as AWS_ACCESS_KEY_ID or AZURE_STORAGE_ACCOUNT_NAME. Variables that are already
    set stay as they are.
    """
    for name, value in read_credentials(config).get("storage", {}).items():
        os.environ.setdefault(name, str(value))
    complete()


def log_refusal(refusal: access.Refusal) -> None:
    """Log a refusal: the principal and its roles, and the refused read or write."""
    logger.warning(
        "refused: %s (roles: %s) %s %s in %s: %s",
        refusal.principal,
        ", ".join(refusal.roles) or "none",
        refusal.verb,
        refusal.zone,
        refusal.env,
        refusal.what,
    )
