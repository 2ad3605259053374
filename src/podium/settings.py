"""Kedro's settings: hooks, and how configuration is read."""

import os
from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc

from podium.hooks import PodiumHooks
from podium.registry.tracking import artifact_location, registry_uri, tracking_uri


def _path(*parts: str) -> str:
    """An absolute path: relative parts start at the project's folder, wherever the command was typed."""
    home = os.environ.get("PODIUM_HOME") or find_kedro_project(Path.cwd()) or Path.cwd()
    return str(Path(home, *parts).resolve())


HOOKS = (PodiumHooks(),)
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "dev",
    "config_patterns": {name: [f"{name}*", f"{name}*/**", f"**/{name}*"] for name in ("spark", "mlflow", "access")},
    "merge_strategy": {"parameters": "soft", "mlflow": "soft", "spark": "soft", "access": "soft"},
    "custom_resolvers": {
        "oc.env": oc.env,
        "path": _path,
        "tracking_uri": tracking_uri,
        "registry_uri": registry_uri,
        "artifact_location": artifact_location,
    },
}
