"""Try a new feature: fit a copy of the champion with the feature, and compare both models on held-out days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd
from kedro.framework.context import KedroContext
from pyspark.sql import DataFrame

from podium.domains.base import Domain, FeatureTable, Knowledge
from podium.errors import PodiumError
from podium.features.as_of import first_known, known_at
from podium.features.feature_join import requests_between
from podium.features.point_in_time import point_in_time_join
from podium.models import Model
from podium.models.fitting import fit
from podium.models.metrics import METRICS
from podium.pipelines.evaluation.assessment import evaluate

from .champion import Bench

__all__ = ["Trial", "require_no_future", "try_feature"]

# The number of bootstrap resamples: fewer than in evaluation, but enough to see if a gain may be due to chance.
RESAMPLES = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """The result of trying a new feature.

    Attributes:
        figures: for each metric its value for the champion and for the trial model, the gain and its 95% interval.
        known: feature -> share of the held-out rows with a value.
        model: the trial model: the champion's algorithm and parameters, fitted with the feature added.
        unseen: the held-out rows with the feature and ``trial_score``.
    """

    figures: pd.DataFrame
    known: dict[str, float]
    model: Model = field(repr=False)
    unseen: pd.DataFrame = field(repr=False)


def try_feature(context: KedroContext, bench: Bench, table: FeatureTable) -> Trial:
    """Fit a copy of the champion with the features of one more table, and compare the copy with the champion.

    The trial uses no future data. The features are computed from rows known at the champion's ``as_of``; a check
    compares them with the features as of an earlier moment; each request gets the newest row known at its time; and
    both models are compared on days after their training.

    Raises:
        PodiumError: the champion has a feature of that name, a bronze table is missing, or a feature looks ahead.
    """
    names = [feature.name for feature in table.features]
    if taken := sorted({*names} & {*bench.champion.model.features}):
        raise PodiumError(f"The champion already has {', '.join(taken)}. Give the new feature another name.")
    as_of, problem = bench.champion.as_of, bench.problem
    events = dict.fromkeys((*table.reads, *problem.request_reads))
    bronze = {event: context.catalog.load(f"{problem.domain.name}.bronze_{event}") for event in events}
    begin = bench.unseen["prediction_time"].min().to_pydatetime()
    for cut in (begin, begin + (as_of - begin) / 2):
        require_no_future(table, bronze, problem.domain, cut=cut, as_of=as_of)
    asked = requests_between(bronze, problem, after=None, until=as_of)
    joined = point_in_time_join(asked, {table: computed(table, bronze, problem.domain, as_of)})
    values = joined.select(*problem.keys, *names).toArrow().to_pandas()
    learned, unseen = (
        rows.merge(values, "left", list(problem.keys), validate="1:1") for rows in (bench.learned, bench.unseen)
    )
    model = _fitted(bench, learned, names)
    unseen = unseen.assign(trial_score=model.score(unseen))
    known = {name: float(unseen[name].notna().mean()) for name in names}
    return Trial(figures=_figures(bench, model, unseen), known=known, model=model, unseen=unseen)


def computed(table: FeatureTable, bronze: Mapping[str, DataFrame], domain: Domain, until: datetime) -> DataFrame:
    """Compute the rows of a feature table from the events known at ``until``."""
    known = first_known({event: bronze[event] for event in table.reads}, domain, until)
    rows = table.compute(Knowledge(bronze=known, since=None, until=until))
    return rows.select(*table.entity, "feature_time", *[feature.name for feature in table.features])


def require_no_future(
    table: FeatureTable, bronze: Mapping[str, DataFrame], domain: Domain, *, cut: datetime, as_of: datetime
) -> None:
    """Check that events that became known between ``cut`` and ``as_of`` do not change the rows up to ``cut``.

    Raises:
        PodiumError: such events change a row; the message shows the row.
    """
    later, then = (known_at(computed(table, bronze, domain, until), cut, by="feature_time") for until in (as_of, cut))
    for rows, others in ((later, then), (then, later)):
        odd = rows.exceptAll(others).limit(1).toArrow().to_pylist()
        if odd:
            shown = ", ".join(f"{name}={value}" for name, value in odd[0].items())
            raise PodiumError(
                f"{table.name} looks ahead: events that became known after {cut:%Y-%m-%d %H:%M} change its rows up to "
                f"that time, for example {shown}. Set feature_time to the moment when all inputs of a row are known."
            )


def _fitted(bench: Bench, rows: pd.DataFrame, names: list[str]) -> Model:
    champion = bench.champion.model
    texts = [name for name in names if rows[name].dtype == object]
    return fit(
        champion.algorithm,
        rows,
        rows["label"],
        features=[*champion.features, *names],
        categorical=[*champion.categorical, *texts],
        params=champion.params,
        seed=bench.training.seed,
    )


def _figures(bench: Bench, model: Model, unseen: pd.DataFrame) -> pd.DataFrame:
    """Compute a table of metrics: each one for the champion and for the trial model, and the gain with its interval."""
    params = bench.evaluation.model_copy(update={"resamples": RESAMPLES})
    found = evaluate(
        model,
        bench.champion.model,
        unseen,
        params,
        as_of=bench.champion.as_of,
        trained_until=bench.trained_until,
    )
    rows = {}
    for name, metric in METRICS.items():
        both = [getattr(scores, name).value for scores in (found.baseline, found.candidate)]
        rows[metric.title] = (*both, *getattr(found.gain_over_baseline, name).model_dump().values())
    return pd.DataFrame.from_dict(rows, "index", columns=["champion", "with it", "gain", "low", "high"])
