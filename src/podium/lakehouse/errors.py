"""The base error of the lakehouse."""

from kedro.io import DatasetError

from podium.errors import PodiumError

__all__ = ["LakehouseError"]


class LakehouseError(PodiumError, DatasetError):
    """An operation on a table, a source or an engine failed."""
