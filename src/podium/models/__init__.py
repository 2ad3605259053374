"""Estimators with one interface, their tuning, and scoring. A fitted model is a folder of plain files, not a pickle.

Loading and scoring need neither Spark nor MLflow. Training code imports ``fitting`` and ``tuning`` itself.
"""

from .columns import ModelError
from .loading import load
from .model import Model, digest

__all__ = ["Model", "ModelError", "digest", "load"]
