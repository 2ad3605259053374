"""Feature engineering: feature tables, refreshed as of a moment."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
