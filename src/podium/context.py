"""The project's Kedro context. It applies the environment's access rules to every catalog, even without hooks."""

import sys

from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol

from podium.home import env_of
from podium.hooks import use_environment
from podium.lakehouse import access
from podium.run_status import show

__all__ = ["PodiumContext"]


class PodiumContext(KedroContext):
    """A Kedro context that applies the environment's access rules if no hook has: kedro viz, for one, runs no hooks."""

    @property
    def catalog(self) -> CatalogProtocol:
        """The catalog. Before it is created, the environment's storage, engine and access rules are applied."""
        env = env_of(self)
        policy = access.current()
        if policy is None or policy.env != env:
            use_environment(self.config_loader, env, self.project_path)
        if "kedro_viz.server" in sys.modules:  # imported by kedro viz run and kedro viz build
            show(self.config_loader["globals"]["local"], self.project_path)
        return super().catalog
