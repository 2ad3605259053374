"""Parameters of training."""

from pydantic import Field, NonNegativeInt, PositiveInt

from podium.models.spaces import Algorithms
from podium.validation import Params

__all__ = ["TrainingParams"]


class TrainingParams(Params):
    """Parameters of training: held-out and validation period, seed, and the algorithms that compete.

    Attributes:
        seed: seed of the search and of every fit.
        holdout_days: the last days before ``as_of``, which training never sees because evaluation uses them.
        settle_hours: training also leaves out rows predicted within this many hours before the held-out days. Those
            whose label was known by then are a biased sample, because one outcome may become known sooner than the
            other.
        validation_days: the days before the held-out days, on which trials are judged.
        algorithms: the algorithms that compete, with their trials and search spaces. The heuristic is also the
            baseline.
    """

    seed: int = Field(default=20130801, ge=0, lt=2**31)
    holdout_days: PositiveInt = 28
    settle_hours: NonNegativeInt = 24
    validation_days: PositiveInt = 35
    algorithms: Algorithms
