"""Monitoring: how the months differ from what a model was trained on, and how well it did."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
