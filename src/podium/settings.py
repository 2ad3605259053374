"""Kedro's settings: hooks, and how configuration is read."""

from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from omegaconf.resolvers import oc

from podium.context import PodiumContext
from podium.home import conf, home, require_environment
from podium.hooks import PodiumHooks
from podium.lineage.recorder import LineageHooks
from podium.registered import use_conf
from podium.registry.tracking import artifact_location, end_killed_run, registry_uri, tracking_uri
from podium.run_status import RunStatus
from podium.selection import select, selection, with_clocks


def _path(*parts: str) -> str:
    """Make a path absolute. A relative path starts at the project's folder, not at the current folder."""
    return str(Path(home(), *parts).resolve())


class Session(KedroSession):
    """Kedro's session, but it finds the project as the podium command does, so it also works from a wheel."""

    @classmethod
    def create(cls, project_path: Path | str | None = None, *args: Any, **rest: Any) -> KedroSession:
        """Create a session. Without ``project_path``, use the project and configuration of the podium command."""
        if project_path is None:
            project_path = home()
            rest["conf_source"] = rest.get("conf_source") or str(conf())
        source = Path(rest.get("conf_source") or Path(project_path, "conf"))
        if source.is_dir():  # an archive as conf_source is not looked into
            use_conf(source)
            if rest.get("env"):
                require_environment(source, rest["env"])
        return super().create(project_path, *args, **rest)

    def run(self, *args: Any, **rest: Any) -> dict[str, Any]:
        """Run the pipelines. First refuse names of pipelines, nodes, tags, datasets and namespaces that do not exist.

        Kedro calls no hook when a run is interrupted, so mark the MLflow run as killed here.
        """
        asked = selection(rest)
        select(pipelines, **asked)
        if rest.get("namespaces"):
            rest["namespaces"] = with_clocks(pipelines, asked["names"], rest["namespaces"])
        try:
            return super().run(*args, **rest)
        except (KeyboardInterrupt, SystemExit):
            end_killed_run()
            raise


SESSION_CLASS = Session
CONTEXT_CLASS = PodiumContext
HOOKS = (PodiumHooks(), LineageHooks(), RunStatus())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz")
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "dev",
    "config_patterns": {
        name: [f"{name}*", f"{name}*/**", f"**/{name}*"] for name in ("spark", "mlflow", "access", "lineage")
    },
    "merge_strategy": {"parameters": "soft", "mlflow": "soft", "spark": "soft", "access": "soft"},
    "custom_resolvers": {
        "oc.env": oc.env,
        "path": _path,
        "tracking_uri": tracking_uri,
        "registry_uri": registry_uri,
        "artifact_location": artifact_location,
    },
}
