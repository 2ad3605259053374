"""The definition of a problem: its domain, requests, features and label.

A problem is one ML question. Everything here is a frozen description plus pure functions, so that pipelines can be
built for any problem and tests can call any function alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from podium.domains.base import Domain, Feature, FeatureTable, Params

__all__ = ["Feature", "Params", "Problem", "RequestFeatures"]


@dataclass(frozen=True, kw_only=True)
class RequestFeatures:
    """Features computed from the request itself, by one pure function over columns that Spark and the REST app call."""

    inputs: Mapping[str, str]
    features: tuple[Feature, ...]
    compute: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An ML question about a domain: its requests, its features, its label and its owner.

    Attributes:
        name: the name, in the catalog and in the parameters too. No domain may have the same name.
        domain: the domain whose data and features the question uses.
        keys: the entity keys of one prediction.
        uses: the names of the domain's feature tables that a model uses, in the order of its inputs.
        requests: bronze tables -> one row for each prediction to make: keys, request inputs, entity columns of the
            feature tables, ``prediction_time``, which is never before the ``known_at`` of the row that it is from.
        request_reads: the events that ``requests`` reads; ``label_reads``: the events that ``labels`` reads.
        labels: bronze tables -> keys, ``label`` (0/1), ``label_available_at``.
        categorical: request inputs and keys that a model takes as categories.
        slices: the groupings by which performance is shown: name -> Spark SQL expression over keys, request inputs and
            features.
    """

    name: str
    title: str
    owner: str
    domain: Domain
    keys: tuple[str, ...]
    uses: tuple[str, ...]
    request: RequestFeatures
    requests: Callable[[Mapping[str, DataFrame]], DataFrame]
    request_reads: tuple[str, ...]
    labels: Callable[[Mapping[str, DataFrame]], DataFrame]
    label_reads: tuple[str, ...]
    categorical: tuple[str, ...]
    slices: Mapping[str, str]

    def __post_init__(self) -> None:
        for name in self.uses:
            self.domain.table(name)  # refuses a name that the domain does not have

    @property
    def tables(self) -> tuple[FeatureTable, ...]:
        """The definitions of the feature tables that ``uses`` names."""
        return tuple(self.domain.table(name) for name in self.uses)

    @property
    def feature_names(self) -> list[str]:
        """The names of all model inputs: stored features, request features, categories."""
        stored = [f.name for table in self.tables for f in table.features]
        return [*stored, *(f.name for f in self.request.features), *self.categorical]
