"""Monitoring: compare each month of predictions with the training set, and measure the model's performance."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
