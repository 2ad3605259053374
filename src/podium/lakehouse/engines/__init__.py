"""The engines: one module for each way to get a Spark session, and their settings."""

from .spark_settings import EngineSettings

__all__ = ["EngineSettings"]
