"""The project's context: it applies the environment's rules to every catalog, also where hooks are disabled."""

import sys

from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol

from podium.home import env_of
from podium.hooks import use_environment
from podium.lakehouse import access
from podium.run_status import show

__all__ = ["PodiumContext"]


class PodiumContext(KedroContext):
    """Kedro's context, which applies the environment's rules if no hook has done so, as in kedro viz."""

    @property
    def catalog(self) -> CatalogProtocol:
        """The catalog, after the environment's rules were applied."""
        env = env_of(self)
        policy = access.current()
        if policy is None or policy.env != env:
            use_environment(self.config_loader, env, self.project_path)
        if "kedro_viz.server" in sys.modules:  # whether this process is kedro viz run or kedro viz build
            show(self.config_loader["globals"]["local"], self.project_path)
        return super().catalog
