"""Estimators with one interface, their tuning, and scoring. A fitted model is a folder of plain files, not a pickle.

Loading and scoring need neither Spark nor MLflow. This package does not import ``fitting`` and ``tuning``, which only
training needs.
"""

from .columns import ModelError
from .loading import load
from .model import Model, digest

__all__ = ["Model", "ModelError", "digest", "load"]
