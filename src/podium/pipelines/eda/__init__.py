"""Exploration: profile and draw the bronze tables on one HTML page."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
