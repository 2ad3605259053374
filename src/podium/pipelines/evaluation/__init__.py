"""Evaluation: compare the candidate with the baseline and the champion on held-out rows, overall and by slice."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
