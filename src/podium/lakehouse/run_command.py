"""The command that an error message tells the user to run."""

from datetime import datetime

from podium.lakehouse import access

__all__ = ["run_command"]


def run_command(*pipelines: str, as_of: datetime | None = None) -> str:
    """The command that runs pipelines in the environment of this process, so that a user can copy it from a message."""
    policy = access.current()
    env = f" --env {policy.env}" if policy else ""
    params = f" --params as_of={as_of:%Y-%m-%dT%H:%M:%S}" if as_of else ""
    return f"kedro run{env} --pipelines {','.join(pipelines)}{params}"
