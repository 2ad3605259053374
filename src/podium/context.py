"""The project's context: whoever gets a catalog from it is bound by the environment's rules, with hooks or without."""

import sys

from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol

from podium.home import env_of
from podium.hooks import use_environment
from podium.lakehouse import access
from podium.run_status import show

__all__ = ["PodiumContext"]


class PodiumContext(KedroContext):
    """Kedro's, for those who leave hooks out, as kedro viz does. A run's hooks have done all this before."""

    @property
    def catalog(self) -> CatalogProtocol:
        """The catalog, after the environment's rules were put in force."""
        env = env_of(self)
        policy = access.current()
        if policy is None or policy.env != env:
            use_environment(self.config_loader, env, self.project_path)
        if "kedro_viz.server" in sys.modules:  # this process is one of kedro viz, to serve or to build
            show(self.config_loader["globals"]["local"], self.project_path)
        return super().catalog
