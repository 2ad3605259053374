"""What every run leaves behind in MLflow: which table versions it read and wrote, which code, which moment."""

import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import mlflow
from pydantic import BaseModel

import podium

__all__ = ["code_version", "record_parameters", "record_run"]


def record_parameters(models: Mapping[str, BaseModel]) -> None:
    """Log validated parameters to the active MLflow run, each leaf by its own dotted name."""
    if mlflow.active_run() is not None:
        leaves = {
            f"{name.removeprefix('params:')}.{leaf}": value
            for name, model in models.items()
            for leaf, value in _leaves(model.model_dump(mode="json"))
        }
        mlflow.log_params(leaves)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def record_run(
    run_params: Mapping[str, Any], *, env: str, as_of: str | None, reads: Mapping[str, int], writes: Mapping[str, int]
) -> None:
    """Log ``inputs.json`` to the active MLflow run: table versions read and written, code, moment, parameters."""
    if mlflow.active_run() is None:
        return
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
    code = code_version()
    tags = {"pipeline": "+".join(names), "env": env, "as_of": as_of or "", **code}
    mlflow.set_tags({f"podium.{name}": value for name, value in tags.items() if value})
    record = {
        "pipelines": names,
        "env": env,
        "as_of": as_of,
        "parameters": run_params.get("runtime_params") or {},
        "reads": dict(reads),
        "writes": dict(writes),
        "code": code,
    }
    mlflow.log_dict(record, "inputs.json")


@cache
def code_version() -> dict[str, str]:
    """The commit of the checkout (and whether files differ from it), or a hash of the package where there is no git."""
    package = Path(podium.__file__).parent
    files = sorted(package.rglob("*.py"))
    version = {"package": sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]}
    git = ["git", "-C", str(package)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        changed = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, check=False)
        version |= {"commit": commit.stdout.strip(), "dirty": str(bool(changed.stdout)).lower()}
    return version
