"""The engines: one module for each way to get a Spark session, and what they are told."""

from .settings import EngineSettings

__all__ = ["EngineSettings"]
