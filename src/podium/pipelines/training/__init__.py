"""Training: choose an algorithm and its hyperparameters, fit the candidate, fit the baseline it has to beat."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
