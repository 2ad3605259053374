"""Credentials of the environment and of ``conf/local``, which git ignores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf import OmegaConf

__all__ = ["read_credentials"]


def read_credentials(config: AbstractConfigLoader) -> dict[str, Any]:
    """All credentials. Those in ``conf/local`` override those of the environment.

    Kedro reads only ``conf/base`` and the environment's folder, so ``conf/local`` is read here.
    """
    try:
        found = dict(config["credentials"])
    except MissingConfigException:
        found = {}
    for file in sorted(Path(config.conf_source, "local").glob("credentials*.yml")):
        local: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
        found |= local or {}
    return found
