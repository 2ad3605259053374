"""The project that a command works on: its folder, environment and configuration. Starts no engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader

    from podium.lakehouse.access import Policy

__all__ = ["Project", "find_project", "open_project"]


@dataclass(frozen=True)
class Project:
    """A project folder, its configuration, and one of its environments."""

    path: Path
    conf: Path
    env: str

    @cached_property
    def config(self) -> OmegaConfigLoader:
        """The configuration, loaded as a run loads it."""
        # Import Podium's settings before Kedro: the settings silence warnings that libraries emit about their own code.
        from podium.settings import CONFIG_LOADER_ARGS  # isort: skip
        from kedro.config import OmegaConfigLoader

        arguments: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
        return OmegaConfigLoader(conf_source=str(self.conf), env=self.env, **arguments)

    def section(self, name: str) -> dict[str, Any]:
        """One section of the configuration: catalog, parameters, mlflow, globals, ..."""
        return self.config[name]

    @property
    def root(self) -> str:
        """The root of the environment's tables: a folder or a URL."""
        return self.section("globals")["root"]

    @cached_property
    def policy(self) -> Policy:
        """The environment's access policy, for display only. ``prepared`` applies it to reads and writes of data."""
        from podium.hooks import engine_settings
        from podium.lakehouse import engine
        from podium.lakehouse.access import load_policy
        from podium.lakehouse.access.principal import on_databricks

        settings = engine_settings(self.section("spark"), self.env)
        databricks = on_databricks(settings)
        if databricks:
            # Configure the engine before the policy is loaded: on Databricks, the policy needs the user's name, which
            # comes from the engine's session.
            engine.configure(settings)
        return load_policy(self.config, self.env, self.path, databricks=databricks)

    @property
    def environments(self) -> list[str]:
        """The names of all environments of the project."""
        from podium.home import environments

        return environments(self.conf)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Use the environment's storage, engine and access rules in the block, as a run does. Starts no engine."""
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
        """The environment's MLflow tracking URI."""
        return self.section("mlflow")["server"]["mlflow_tracking_uri"]


def find_project(source: str | None = None) -> tuple[Path, Path]:
    """The project's folder and the folder of its configuration.

    PODIUM_HOME names the project. If it is not set, the project is the one that contains the current folder.

    Args:
        source: a folder of configuration to use instead of the project's own.

    Raises:
        PodiumError: there is no project.
    """
    from podium.home import conf, home, use_logging

    path, folder = home(), Path(source).resolve() if source else conf()
    if not path.is_dir() or not (folder / "base").is_dir():
        raise PodiumError(
            f"{path} is not a Podium project: there is no {folder / 'base'}. Change to the project's folder, or set "
            "PODIUM_HOME to it."
        )
    use_logging()
    return path, folder


def open_project(env: str, source: str | None = None) -> Project:
    """Find the project with ``find_project``, and return it for one environment.

    Raises:
        PodiumError: there is no project, or it has no such environment.
    """
    from podium.home import require_environment

    path, folder = find_project(source)
    require_environment(folder, env)
    return Project(path, folder, env)
