"""A candidate: a model that training made, kept in its MLflow run with the baseline that it has to beat."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from podium import models
from podium.errors import PodiumError
from podium.models.model import Model

from .lookups import json_document, newest_run
from .model_code import CODE, check_code, code_digest, copy_code

__all__ = ["Candidate", "log_candidate", "newest_candidate"]

# The folder inside an MLflow model that holds Podium's files. The digest covers these.
MODEL_FILES = "artifacts/model"
# The packages that a server needs besides the code stored with the model, in the versions that trained it.
REQUIREMENTS = ("lightgbm", "mlflow", "numpy", "pandas")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fitted model with its baseline and what training recorded about it.

    Attributes:
        model: the model.
        baseline: a simple rule to beat, fitted on the same rows.
        as_of: the moment (UTC) as of which it was trained.
        training: what training recorded: window, rows, algorithm, parameters, validation metrics.
        example: a few rows of input.
        run_id, model_uri: where MLflow keeps it; empty until it is logged.
        digest, code_digest: SHA-256 of the model's files and of the code that travels with them; empty until logged.
    """

    model: Model
    baseline: Model
    as_of: datetime
    training: Mapping[str, Any]
    example: pd.DataFrame = field(default_factory=pd.DataFrame)
    run_id: str = ""
    digest: str = ""
    code_digest: str = ""
    model_uri: str = ""


def log_candidate(problem: str, candidate: Candidate) -> str:
    """Log the candidate to the active MLflow run and return its digest.

    The tags by which it is found are set last, so that a half-logged candidate is never found.
    """
    run = mlflow.active_run()
    if run is None:
        raise PodiumError(
            f"{problem}: the candidate was not logged, because no MLflow run is active. Run training with kedro run."
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder, baseline = Path(scratch, "model"), Path(scratch, "baseline")
        candidate.model.save(folder)
        candidate.baseline.save(baseline)
        digest = models.digest(folder)
        script = copy_code(Path(scratch, CODE))
        code = code_digest(Path(scratch, CODE))
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(script),
            code_paths=[str(Path(scratch, CODE, "podium"))],
            artifacts={"model": str(folder)},
            signature=_signature(candidate.model),
            input_example=candidate.example,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        mlflow.log_artifacts(str(baseline), "baseline")
    mlflow.log_dict(dict(candidate.training), "training.json")
    mlflow.set_tags(
        {
            "podium.model_uri": logged.model_uri,
            "podium.digest": digest,
            "podium.code_digest": code,
            "podium.as_of": candidate.as_of.isoformat(),
            "podium.algorithm": candidate.model.algorithm,
            "podium.problem": problem,
            "podium.kind": "candidate",
            # If the same run also evaluates, evaluation overwrites podium.kind, but not podium.candidate.
            "podium.candidate": problem,
        }
    )
    return digest


def _signature(model: Model) -> ModelSignature:
    """The signature: numbers are doubles, any value may be missing. A few example rows might not show that."""
    kinds = {name: DataType.string if name in model.categorical else DataType.double for name in model.features}
    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.double)]))


def newest_candidate(problem: str) -> Candidate:
    """Load the newest candidate.

    Raises:
        PodiumError: there is none, or its files changed since they were logged.
    """
    client = MlflowClient()
    run = newest_run(client, candidate=problem)
    if run is None:
        raise PodiumError(f"{problem}: there is no candidate. Run: kedro run --pipeline training")
    tags = run.data.tags
    return Candidate(
        model=load_checked(tags["podium.model_uri"], tags, f"the candidate of {problem}"),
        baseline=models.load(
            Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="baseline"))
        ),
        as_of=datetime.fromisoformat(tags["podium.as_of"]),
        training=json_document(client, run.info.run_id, "training.json"),
        run_id=run.info.run_id,
        digest=tags["podium.digest"],
        code_digest=tags["podium.code_digest"],
        model_uri=tags["podium.model_uri"],
    )


def load_checked(uri: str, tags: Mapping[str, str], what: str) -> Model:
    """Load the model at ``uri``, if its files and its code have the digests that its tags name."""
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    check_files(folder, tags, f"{what} ({uri})")
    return models.load(folder / MODEL_FILES)


def check_files(mlflow_model: Path, tags: Mapping[str, str], what: str) -> None:
    """Refuse an MLflow model if its files or its code do not have the digests that its tags name."""
    found, digest = models.digest(mlflow_model / MODEL_FILES), tags.get("podium.digest", "")
    if found != digest:
        raise PodiumError(
            f"The files of {what} have changed since they were logged: SHA-256 {found[:16]}…, expected {digest[:16]}…. "
            "Train again, or restore the files from a backup."
        )
    check_code(mlflow_model, tags.get("podium.code_digest", ""), what)
