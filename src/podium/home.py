"""The project's folder and its configuration: the folder's own conf, or the one inside the wheel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

__all__ = ["PACKAGED", "conf", "env_of", "environments", "home", "require_environment", "use_logging"]

# The configuration inside a wheel. In a checkout, conf/ lies beside src/ instead.
PACKAGED = Path(__file__).with_name("conf")
# Folders of a configuration that are not environments.
SHARED = ("base", "local")


def home() -> Path:
    """The folder that relative paths start from: PODIUM_HOME, or the enclosing project, or the current folder."""
    from kedro.utils import find_kedro_project

    return Path(os.environ.get("PODIUM_HOME") or find_kedro_project(Path.cwd()) or Path.cwd()).resolve()


def conf() -> Path:
    """The folder of the configuration: PODIUM_CONF, or conf/ of the project's folder, or the one inside the wheel.

    A conf/ without the folder ``base`` is skipped, because it is not Podium's: the working folder of a Databricks
    cluster, for example, contains another conf/.
    """
    named = os.environ.get("PODIUM_CONF")
    own = Path(named).resolve() if named else home() / "conf"
    return own if named or (own / "base").is_dir() or not PACKAGED.is_dir() else PACKAGED


def environments(source: Path) -> list[str]:
    """The names of a configuration's environments."""
    return sorted(folder.name for folder in source.iterdir() if folder.is_dir() and folder.name not in SHARED)


def require_environment(source: Path, env: str) -> None:
    """Check that the configuration has the environment ``env``.

    Raises:
        PodiumError: it does not.
    """
    known = environments(source)
    if env not in known:
        raise PodiumError(
            f"There is no environment {env!r}{did_you_mean(env, known)}. The environments in {source} are: "
            f"{', '.join(known)}."
        )


def env_of(context: KedroContext) -> str:
    """The environment of a Kedro context: the requested one, otherwise the project's default environment."""
    return context.env or getattr(context.config_loader, "default_run_env", None) or "base"


def use_logging() -> None:
    """Point Kedro to the project's logging.yml. By itself, Kedro looks for the file only below the current folder."""
    file = conf() / "logging.yml"
    if file.is_file():
        os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(file))
