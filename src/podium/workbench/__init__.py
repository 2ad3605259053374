"""What notebooks use: SQL as data frames, pictures, the champion beside rows it never saw, trials of new features."""

from .champion import Bench, bench
from .exploration import picture, sql, tables
from .trial import Trial, try_feature

__all__ = ["Bench", "Trial", "bench", "picture", "sql", "tables", "try_feature"]
