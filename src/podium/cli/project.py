"""The project as a command sees it: where it is, which environment, what is configured. Starts no engine."""

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
    """A project folder, its configuration, and one of the environments there."""

    path: Path
    conf: Path
    env: str

    @cached_property
    def config(self) -> OmegaConfigLoader:
        """The configuration, read the way a run reads it."""
        # The settings first: with them comes what keeps libraries from talking about their own code.
        from podium.settings import CONFIG_LOADER_ARGS  # isort: skip
        from kedro.config import OmegaConfigLoader

        arguments: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
        return OmegaConfigLoader(conf_source=str(self.conf), env=self.env, **arguments)

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
        from podium.home import environments

        return environments(self.conf)

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


def find_project(source: str | None = None) -> tuple[Path, Path]:
    """The folder of the project around the current one, or that PODIUM_HOME names, and its configuration.

    Args:
        source: the folder of the configuration, where it is not the project's own.

    Raises:
        PodiumError: there is none.
    """
    from podium.home import conf, home, use_logging

    path, folder = home(), Path(source).resolve() if source else conf()
    if not path.is_dir() or not (folder / "base").is_dir():
        raise PodiumError(
            f"{path} is no Podium project: there is no {folder / 'base'}. Go to its folder, or name it in PODIUM_HOME."
        )
    use_logging()
    return path, folder


def open_project(env: str, source: str | None = None) -> Project:
    """One of the environments of the project that ``find_project`` finds.

    Raises:
        PodiumError: there is no project, or it has no such environment.
    """
    from podium.home import require_environment

    path, folder = find_project(source)
    require_environment(folder, env)
    return Project(path, folder, env)
