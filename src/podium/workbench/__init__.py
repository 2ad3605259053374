"""The notebooks' API: SQL results as data frames, pictures, the champion and its held-out rows, feature trials."""

from .champion import Bench, bench
from .exploration import picture, sql, tables
from .trial import Trial, try_feature

__all__ = ["Bench", "Trial", "bench", "picture", "sql", "tables", "try_feature"]
