"""The problems of this project, by name. To add one, create a package here and add it to ``PROBLEMS``."""

from podium.problems.base import Problem
from podium.problems.flight_delay import PROBLEM as FLIGHT_DELAY

__all__ = ["PROBLEMS"]

PROBLEMS: dict[str, Problem] = {problem.name: problem for problem in (FLIGHT_DELAY,)}
