"""Deployment: registers the candidate as challenger, and makes it champion if it passes the gate."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
