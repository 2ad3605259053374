"""The notebooks' API: SQL as data frames, pictures, the champion with its held-out rows, trials of new features."""

from .champion import Bench, bench
from .exploration import picture, sql, tables
from .trial import Trial, try_feature

__all__ = ["Bench", "Trial", "bench", "picture", "sql", "tables", "try_feature"]
