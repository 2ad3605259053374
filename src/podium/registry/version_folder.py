"""Copy a model version with its baseline, evidence and lineage to a folder, and from there to another MLflow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Metric, Param, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model

from podium import models
from podium.errors import PodiumError

from .candidate import check_files
from .lookups import json_document, newest_run
from .model_code import remove_bytecode
from .runs import LINEAGE
from .tracking import TrackingLocation

__all__ = ["Bundle", "collect", "deliver", "fetch_model", "see_that_it_arrived"]

TRAINING = ("training.json", "baseline")
EVIDENCE = ("evaluation.json", "model_card.html", "pictures")
# MLflow's limit: parameters per request.
BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model version copied to local folders: the model, its baseline, evidence and lineage.

    Attributes:
        model: the folder of the MLflow model.
        files: the folder of baseline, evidence and lineage.
        params: the params of the run that trained the version.
        metrics: the metrics of the run that evaluated the version.
        training_run, evaluation_run: ids of the runs in the source's MLflow.
    """

    model: Path
    files: Path
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    training_run: str
    evaluation_run: str

    @property
    def checks(self) -> list[Mapping[str, Any]]:
        """The checks of the evaluation, with their results."""
        return json.loads((self.files / "evaluation.json").read_bytes())["checks"]


def collect(place: TrackingLocation, version: ModelVersion, folder: Path) -> Bundle:
    """Copy a version's model, baseline, evidence and lineage into a folder.

    Raises:
        PodiumError: its files changed since they were registered, it was never evaluated, or a part is missing.
    """
    client = place.client()
    model = fetch_model(place, version, folder / "model")
    training = client.get_run(str(version.run_id))
    evaluation = _evaluation(client, version) or training
    files = folder / "files"
    files.mkdir()
    recorded = {}
    for stage, run, wanted in (("training", training, TRAINING), ("evaluation", evaluation, EVIDENCE)):
        there = {file.path for file in client.list_artifacts(run.info.run_id)}
        absent = sorted(set(wanted) - there)
        if absent:
            raise PodiumError(
                f"{_name(place, version)} cannot be promoted: the run of its {stage} ({run.info.run_id}) lacks "
                f"the artifacts {', '.join(absent)}. First run: kedro run --env {place.env} --pipelines {stage}"
            )
        for path in wanted:
            client.download_artifacts(run.info.run_id, path, str(files))
        lineage = json_document(client, run.info.run_id, LINEAGE) if LINEAGE in there else {}
        recorded[stage] = {**lineage, "run_id": run.info.run_id}
    combined = {"promoted_from": f"{place.env}/{version.version}", **recorded}
    (files / LINEAGE).write_text(json.dumps(combined, indent=2))
    return Bundle(
        model=model,
        files=files,
        params=training.data.params,
        metrics=evaluation.data.metrics,
        training_run=training.info.run_id,
        evaluation_run=evaluation.info.run_id,
    )


def fetch_model(place: TrackingLocation, version: ModelVersion, folder: Path) -> Path:
    """Download the MLflow model of a version into a folder, check its digests, and return its path."""
    copy = _download(place, _location(place, version), folder)
    # Remove the file that MLflow adds when it downloads a registered model: the file is not part of the version.
    (copy / "registered_model_meta").unlink(missing_ok=True)
    remove_bytecode(copy)
    check_files(copy, version.tags, _name(place, version))
    return copy


def deliver(bundle: Bundle, place: TrackingLocation, run_id: str, experiment: str) -> str:
    """Upload a bundle to a run in the MLflow of ``place``, and return the id of the model that this creates there."""
    client = place.client()
    params = [Param(key, value) for key, value in bundle.params.items()]
    for first in range(0, len(params), BATCH):
        client.log_batch(run_id, params=params[first : first + BATCH])
    now = client.get_run(run_id).info.start_time
    client.log_batch(run_id, metrics=[Metric(key, value, now, 0) for key, value in bundle.metrics.items()])
    client.log_artifacts(run_id, str(bundle.files))
    logged = client.create_logged_model(experiment, name="model", source_run_id=run_id)
    _call_its_own(bundle.model, logged.model_id, run_id, logged.artifact_location)
    client.log_model_artifacts(logged.model_id, str(bundle.model))
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
    client.finalize_logged_model(logged.model_id, "READY")
    return logged.model_id


def see_that_it_arrived(bundle: Bundle, place: TrackingLocation, run_id: str, model_id: str, scratch: Path) -> None:
    """Download the delivered files, and compare their digests with those of the files that were sent."""
    model = _download(place, place.client().get_logged_model(model_id).artifact_location, scratch / "model")
    files = scratch / "files"
    files.mkdir()
    place.client().download_artifacts(run_id, "", str(files))
    for sent, found in ((bundle.model, model), (bundle.files, files)):
        if models.digest(sent) != models.digest(found):
            raise PodiumError(
                f"The copy of {sent.name} in {place.env} differs from the original. Nothing was registered. "
                f"Check the artifact store of the MLflow of {place.env}, then promote again."
            )


def _evaluation(client: MlflowClient, version: ModelVersion) -> Run | None:
    """The newest run that evaluated the version; None if it was promoted, because then its own run has the evidence."""
    return newest_run(client, kind="evidence", problem=version.name, evaluates=version.tags["podium.digest"])


def _call_its_own(folder: Path, model_id: str, run_id: str, location: str) -> None:
    """Replace the ids of model and run, and the path, in the model's MLmodel file with those of the copy."""
    file = folder / "MLmodel"
    described = Model.load(str(file))
    described.model_id, described.run_id, described.artifact_path = model_id, run_id, location
    described.save(str(file))


def _location(place: TrackingLocation, version: ModelVersion) -> str:
    """The address of a version's files. MLflow would look up ``models:/NAME/VERSION`` in the process's registry."""
    uri = place.client().get_model_version_download_uri(version.name, str(version.version))
    model = uri.removeprefix("models:/")
    return uri if model == uri else place.client().get_logged_model(model).artifact_location


def _download(place: TrackingLocation, location: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    copy = mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=str(folder), tracking_uri=place.uri)
    return Path(copy)


def _name(place: TrackingLocation, version: ModelVersion) -> str:
    return f"{version.name} version {version.version} of {place.env}"
