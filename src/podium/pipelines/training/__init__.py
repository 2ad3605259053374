"""Training: choose an algorithm and its hyperparameters, fit the candidate and the baseline that it must beat."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
