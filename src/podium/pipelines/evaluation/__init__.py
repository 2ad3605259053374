"""Evaluation: is the candidate good enough, and for whom?"""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
