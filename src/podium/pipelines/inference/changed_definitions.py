"""Check that a champion gets the features that it was trained on, although their definitions have changed since."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError
from podium.features.code import REQUEST, REQUESTS, changed_definitions, definitions
from podium.features.feature_join import described, requests_between
from podium.lakehouse.run_command import run_command
from podium.lakehouse.sampling import sampled
from podium.pipelines.ingestion.intakes import changed_since
from podium.problems.base import Problem
from podium.registry.versions import ModelVersion

__all__ = ["require_same_features"]

logger = logging.getLogger(__name__)

# The number of training rows that are compared.
ROWS = 1_000
# The share of them that must exist in today's tables, too.
LEAST = 0.5
# The number of features that an error shows.
SHOWN = 5
# The prefix of a column with the values that the champion was trained on.
WAS = "was_"
# A column that is null for a training row that today's tables do not have.
FOUND = "_found"


def require_same_features(
    champion: ModelVersion,
    examples: Callable[[], DataFrame | None],
    bronze: Mapping[str, DataFrame],
    tables: Mapping[str, DataFrame],
    taken_in: pd.DataFrame,
    problem: Problem,
) -> None:
    """Compare the champion's features with today's, if definitions have changed since it was trained.

    A sample of its training rows is joined with the feature tables again. If the values are the same to the last bit,
    only the code has changed, and the champion may go on. Rows that may have changed because facts were taken in late
    are set aside.

    Args:
        champion: the model version that is to score.
        examples: loads the training set of the champion. Called only if definitions have changed.
        bronze: the tables that requests are built from.
        tables: the problem's feature tables.
        taken_in: the records of the intakes that ended.
        problem: the ML question.

    Raises:
        PodiumError: the problem no longer has a feature of the champion, too few training rows can be compared, or
            values differ. The message then shows both.
    """
    gone = sorted(set(champion.model.features) - set(problem.feature_names))
    if gone:
        raise PodiumError(
            f"{problem.name}: version {champion.version} was trained on features that are no longer defined: "
            f"{_listed(gone)}. Define them again, or {_train_anew()}."
        )
    recorded = champion.training["definitions"]
    changed = changed_definitions(recorded, problem)
    if not changed:
        return
    # Not only the features of ``changed``: a feature may have moved to a table that is not among those recorded.
    others = [name for name, digest in definitions(problem).items() if recorded.get(name) != digest]
    features = [name for name in _features_of(others, problem) if name in champion.model.features]
    changed_from = _changed_from(champion, taken_in)
    sample = _twice(examples(), champion, bronze, tables, problem, features, before=changed_from)
    both = sample[sample[FOUND].notna()]
    named = ", ".join(changed)
    aside = "" if changed_from is None else f" before {changed_from:%Y-%m-%d %H:%M}, the time of facts taken in later,"
    if len(both) < LEAST * len(sample) or both.empty:
        raise PodiumError(
            f"{problem.name}: nothing was scored, because the definitions of {named} have changed since version "
            f"{champion.version} was trained, and too few of its training rows{aside} can be computed again to compare "
            f"values ({len(both)} of {len(sample)}): {_train_anew()}."
        )
    different = [name for name in features if not _same(both[name], both[f"{WAS}{name}"]).all()]
    if different:
        values = "; ".join(_example(both, name, problem.keys) for name in different[:SHOWN])
        more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise PodiumError(
            f"{problem.name}: nothing was scored, because the definitions of {named} have changed since version "
            f"{champion.version} was trained, and with them the values of its features: {values}{more}. Either "
            f"{_train_anew()}, or keep each old definition under its own name beside the new one."
        )
    logger.warning(
        "%s: the definitions of %s have changed since version %s was trained. On %d of its training rows%s the "
        "features have the same values as then, so it goes on.",
        problem.name,
        named,
        champion.version,
        len(both),
        aside,
    )


def _changed_from(champion: ModelVersion, taken_in: pd.DataFrame) -> pd.Timestamp | None:
    """The earliest time of facts that were taken in after the champion was trained, but were known before. Or None."""
    changed_from = changed_since(taken_in, champion.training["seen"])
    return None if changed_from is None or changed_from > champion.as_of else changed_from


def _features_of(names: Sequence[str], problem: Problem) -> list[str]:
    """The names of the features of these definitions: those of feature tables, then those of the request.

    All of them depend on the function that makes the requests: it says for which entity and time they are looked up.
    """
    every = REQUESTS in names
    stored = [feature.name for table in problem.tables if every or table.name in names for feature in table.features]
    return [*stored, *(feature.name for feature in problem.request.features if every or REQUEST in names)]


def _twice(
    examples: DataFrame | None,
    champion: ModelVersion,
    bronze: Mapping[str, DataFrame],
    tables: Mapping[str, DataFrame],
    problem: Problem,
    features: Sequence[str],
    *,
    before: pd.Timestamp | None,
) -> pd.DataFrame:
    """Sampled training rows with each feature twice: as it is now and, with the prefix ``was_``, as it was then."""
    assert examples is not None
    keys = list(problem.keys)
    mine = examples.filter(F.col("as_of") == F.lit(champion.as_of))
    if before is not None:
        mine = mine.filter(F.col("prediction_time") < F.lit(before.to_pydatetime()))
    then = sampled(mine, keys, ROWS)
    asked = requests_between(bronze, problem, after=None, until=champion.as_of).join(then.select(*keys), keys)
    now = described(asked, tables, problem).select(*keys, *features, F.lit(1).alias(FOUND))
    was = then.select(*keys, *[F.col(name).alias(f"{WAS}{name}") for name in features])
    return was.join(now, keys, "left").toPandas()


def _same(now: pd.Series, then: pd.Series) -> pd.Series:
    return (now == then) | (now.isna() & then.isna())


def _example(both: pd.DataFrame, name: str, keys: Sequence[str]) -> str:
    """One row in which a feature has another value than at training."""
    row = both[~_same(both[name], both[f"{WAS}{name}"])].iloc[0]
    where = ", ".join(f"{key}={row[key]}" for key in keys)
    return f"{name} is {row[name]}, at training {row[f'{WAS}{name}']} ({where})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _train_anew() -> str:
    return f"train anew: {run_command('training', 'evaluation', 'deployment')}"
