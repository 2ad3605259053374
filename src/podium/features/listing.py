"""A list of every feature of all domains and problems, with where it comes from and who uses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from podium.domains.base import Domain
from podium.problems.base import Problem

__all__ = ["ListedFeature", "list_features"]


@dataclass(frozen=True, kw_only=True)
class ListedFeature:
    """A feature as ``podium lake features`` lists it.

    Attributes:
        table: the feature table in the catalog. Empty for a request feature, which is computed from the request.
        entity: the columns that, with the time, identify a row. For a request feature, the columns it is computed from.
        freshness: the maximum age of a value when it is joined. None for a request feature.
        used_by: the problems whose models may use it.
    """

    feature: str
    table: str
    entity: tuple[str, ...]
    type: str
    unit: str
    description: str
    owner: str
    freshness: timedelta | None
    used_by: tuple[str, ...]


def list_features(
    domains: Mapping[str, Domain], problems: Mapping[str, Problem], word: str = ""
) -> list[ListedFeature]:
    """The features in which ``word`` occurs, in any case: stored ones by domain and table, then those of requests."""
    found = [*_stored(domains, problems), *_of_requests(problems)]
    return [each for each in found if word.lower() in _text(each)]


def _stored(domains: Mapping[str, Domain], problems: Mapping[str, Problem]) -> Iterator[ListedFeature]:
    for domain in domains.values():
        for table in domain.tables:
            users = tuple(
                problem.name for problem in problems.values() if problem.domain is domain and table.name in problem.uses
            )
            for feature in table.features:
                yield ListedFeature(
                    feature=feature.name,
                    table=f"{domain.name}.features_{table.name}",
                    entity=table.entity,
                    type=feature.dtype,
                    unit=feature.unit,
                    description=feature.description,
                    owner=table.owner,
                    freshness=table.freshness,
                    used_by=users,
                )


def _of_requests(problems: Mapping[str, Problem]) -> Iterator[ListedFeature]:
    for problem in problems.values():
        for feature in problem.request.features:
            yield ListedFeature(
                feature=feature.name,
                table="",
                entity=tuple(problem.request.inputs),
                type=feature.dtype,
                unit=feature.unit,
                description=feature.description,
                owner=problem.owner,
                freshness=None,
                used_by=(problem.name,),
            )


def _text(each: ListedFeature) -> str:
    return " ".join((each.feature, each.table, *each.entity, each.description, each.owner, *each.used_by)).lower()
