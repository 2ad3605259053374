"""What every run leaves behind in MLflow: which table versions it read and wrote, which code, which moment."""

import subprocess
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import mlflow

import podium

__all__ = ["code_version", "record_run"]


def record_run(run_params: Mapping[str, Any], *, reads: Mapping[str, int], writes: Mapping[str, int]) -> None:
    """Log ``inputs.json`` to the active MLflow run: table versions read and written, code, parameters of the call."""
    if mlflow.active_run() is None:
        return
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
    mlflow.set_tags({"podium.pipeline": "+".join(names), "podium.env": run_params.get("env"), **code_version()})
    record = {
        "pipelines": names,
        "env": run_params.get("env"),
        "parameters": run_params.get("runtime_params") or run_params.get("extra_params") or {},
        "reads": dict(reads),
        "writes": dict(writes),
        "code": code_version(),
    }
    mlflow.log_dict(record, "inputs.json")


@cache
def code_version() -> dict[str, str]:
    """The commit of the checkout (and whether files differ from it), or a hash of the package where there is no git."""
    package = Path(podium.__file__).parent
    files = sorted(package.rglob("*.py"))
    version = {"podium.package": sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]}
    git = ["git", "-C", str(package)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        changed = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, check=False)
        version |= {"podium.commit": commit.stdout.strip(), "podium.dirty": str(bool(changed.stdout)).lower()}
    return version
