"""Sources as Kedro datasets: where the data of a domain come from, and what in them is new."""

from .delta import DeltaSource
from .files import FilesSource
from .frames import FrameSource

__all__ = ["DeltaSource", "FilesSource", "FrameSource"]
