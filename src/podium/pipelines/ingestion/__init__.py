"""Ingestion: source files -> bronze events."""

from .pipeline import create_clock, create_pipeline

__all__ = ["create_clock", "create_pipeline"]
