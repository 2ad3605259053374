"""Deployment: from candidate to challenger, and to champion through the gate."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
