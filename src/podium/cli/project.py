"""The project as a command sees it: where it is, which environment, what is configured. Starts no engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.lakehouse.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader

    from podium.lakehouse.access import Policy

__all__ = ["Project", "open_project"]

# Folders of conf/ that are no environment.
SHARED = ("base", "local")


@dataclass(frozen=True)
class Project:
    """A project folder and one of its environments."""

    path: Path
    env: str

    @cached_property
    def config(self) -> OmegaConfigLoader:
        """The configuration, read the way a run reads it."""
        # The settings first: with them comes what keeps libraries from talking about their own code.
        from podium.settings import CONFIG_LOADER_ARGS  # isort: skip
        from kedro.config import OmegaConfigLoader

        arguments: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
        return OmegaConfigLoader(conf_source=str(self.path / "conf"), env=self.env, **arguments)

    def section(self, name: str) -> dict[str, Any]:
        """One section of the configuration: catalog, parameters, mlflow, globals, ..."""
        return self.config[name]

    @property
    def root(self) -> str:
        """Where the environment's data are."""
        return self.section("globals")["root"]

    @cached_property
    def policy(self) -> Policy:
        """Who may do what here, to tell about it. A command that reads or writes data is ``prepared``."""
        from podium.hooks import engine_settings
        from podium.lakehouse import engine
        from podium.lakehouse.access import load_policy
        from podium.lakehouse.access.principal import on_databricks

        settings = engine_settings(self.section("spark"), self.env)
        databricks = on_databricks(settings)
        if databricks:
            engine.configure(settings)  # its session knows who the user is
        return load_policy(self.config, self.env, self.path, databricks=databricks)

    @property
    def environments(self) -> list[str]:
        """All environments of the project."""
        return _environments(self.path)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Use the environment's storage, engine and rules meanwhile, as a run would. Starts nothing."""
        from podium.hooks import use_environment
        from podium.lakehouse import access, engine

        settings, policy = engine.current(), access.current()
        try:
            use_environment(self.config, self.env, self.path)
            yield
        finally:
            access.configure(policy)
            if settings is not None:
                engine.configure(settings)

    @property
    def mlflow_uri(self) -> str:
        """Where the environment's MLflow is."""
        return self.section("mlflow")["server"]["mlflow_tracking_uri"]


def _environments(path: Path) -> list[str]:
    return sorted(folder.name for folder in (path / "conf").iterdir() if folder.is_dir() and folder.name not in SHARED)


def open_project(env: str) -> Project:
    """The project around the current folder, or the one that PODIUM_HOME names.

    Raises:
        PodiumError: there is none, or it has no such environment.
    """
    from kedro.utils import find_kedro_project

    home = os.environ.get("PODIUM_HOME")
    path = Path(home) if home else find_kedro_project(Path.cwd())
    if path is None or not (path / "conf").is_dir():
        raise PodiumError(f"{path or Path.cwd()} is no Podium project. Go to its folder, or name it in PODIUM_HOME.")
    known = _environments(path)
    if env not in known:
        raise PodiumError(
            f"There is no environment {env!r}{did_you_mean(env, known)}. {path / 'conf'} has: {', '.join(known)}."
        )
    # Kedro looks for its logging configuration in the current folder only, and that may be below the project's.
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(path.resolve() / "conf" / "logging.yml"))
    return Project(path.resolve(), env)
