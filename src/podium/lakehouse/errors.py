"""The error of the lakehouse."""

from kedro.io import DatasetError

from podium.errors import PodiumError

__all__ = ["LakehouseError"]


class LakehouseError(PodiumError, DatasetError):
    """A table, a source or an engine could not do what was asked."""
