"""Read credentials from the environment's configuration and from ``conf/local``, a folder that git ignores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf import OmegaConf

__all__ = ["read_credentials"]


def read_credentials(config: AbstractConfigLoader) -> dict[str, Any]:
    """All credentials: those of the environment, overridden by those in ``conf/local``.

    Kedro reads only ``conf/base`` and the environment's folder, so this function reads ``conf/local``.
    """
    try:
        found = dict(config["credentials"])
    except MissingConfigException:
        found = {}
    for file in sorted(Path(config.conf_source, "local").glob("credentials*.yml")):
        local: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
        found |= local or {}
    return found
