"""Exploration: what came in, profiled and drawn, on one page."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
