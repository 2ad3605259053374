"""Estimators under one interface, their tuning, and scoring. A fitted model is a folder of plain files, never a pickle.

Loading and scoring need neither Spark nor MLflow; ``fitting`` and ``tuning`` are imported by whoever trains.
"""

from .columns import ModelError
from .loading import load
from .model import Model, digest

__all__ = ["Model", "ModelError", "digest", "load"]
