"""Feature engineering: refreshes the feature tables up to ``as_of``."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
