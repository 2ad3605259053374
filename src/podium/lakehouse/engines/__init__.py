"""The engines: one module for each way to get a Spark session, and modules for what they share, such as settings."""

from .spark_settings import EngineSettings

__all__ = ["EngineSettings"]
