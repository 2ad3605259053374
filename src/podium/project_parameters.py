"""All parameters of the project as one pydantic model. It refuses a wrong name or value before any node runs."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError, create_model, model_validator

from podium.errors import PodiumError
from podium.lakehouse.sources.raw import Arrival
from podium.pipelines.evaluation.parameters import EvaluationParams
from podium.pipelines.feature_engineering.nodes import FeatureParams
from podium.pipelines.inference.nodes import InferenceParams
from podium.pipelines.ingestion.clock import parse_moment
from podium.pipelines.ingestion.nodes import IngestionParams
from podium.pipelines.monitoring.parameters import MonitoringParams
from podium.pipelines.training.parameters import TrainingParams
from podium.registered import domains, problems
from podium.validation import Params, error_lines

__all__ = ["check_parameters"]

OF_DOMAINS: dict[str, type[Params]] = {
    "ingestion": IngestionParams,
    "features": FeatureParams,
}
OF_PROBLEMS: dict[str, type[Params]] = {
    "training": TrainingParams,
    "evaluation": EvaluationParams,
    "inference": InferenceParams,
    "monitoring": MonitoringParams,
}


# Parameters of a domain that only --params may set: the catalog reads them, and it cannot read parameter files.
FOR_ONE_RUN: dict[str, Any] = {"source": str, "arrival": Arrival}


@cache
def parameters_model() -> type[Params]:
    """Build the pydantic model that validates all parameters in ``conf/*/parameters``."""
    subjects: dict[str, Any] = {}
    for name, domain in domains().items():
        fields: dict[str, Any] = {"knowable": (domain.event_parameters, ...)}
        fields |= {parameter: (kind, None) for parameter, kind in FOR_ONE_RUN.items()}
        subjects[name] = (create_model(f"{name}_parameters", __base__=Params, **fields, **_required(OF_DOMAINS)), ...)
    for name in problems():
        checks: Any = {"holdout": model_validator(mode="after")(_evaluation_is_unseen)}
        model = create_model(f"{name}_parameters", __base__=Params, __validators__=checks, **_required(OF_PROBLEMS))
        subjects[name] = (model, ...)
    return create_model("Parameters", __base__=Params, as_of=(str | None, None), **subjects)


def _required(sections: Mapping[str, type[Params]]) -> dict[str, Any]:
    return {section: (model, ...) for section, model in sections.items()}


def _evaluation_is_unseen(model: Any) -> Any:
    seen, held_out = model.training.holdout_days, model.evaluation.holdout_days
    if held_out > seen:
        raise ValueError(
            f"evaluation.holdout_days ({held_out}) must not exceed training.holdout_days ({seen}): otherwise the "
            "candidate is evaluated on rows that it was trained on"
        )
    return model


def check_parameters(raw: Mapping[str, Any], of_this_run: Mapping[str, Any]) -> None:
    """Check all parameters. Raise one error that lists every unknown parameter and every wrong value.

    Args:
        raw: all parameters.
        of_this_run: those that were given for this run, with --params.
    """
    given = {**raw, "as_of": None if raw.get("as_of") is None else str(raw["as_of"])}
    if given["as_of"] is not None:
        parse_moment(given["as_of"])
    _refuse_without_effect(given, of_this_run)
    try:
        parameters_model().model_validate(given)
    except ValidationError as wrong:
        lines = error_lines(wrong, parameters_model(), noun="parameter")
        raise PodiumError("These parameters are invalid, nothing was run:\n  " + "\n  ".join(lines)) from wrong


def _refuse_without_effect(given: Mapping[str, Any], of_this_run: Mapping[str, Any]) -> None:
    for name in domains():
        sections = [each.get(name) for each in (given, of_this_run)]
        here, now = ({*section} if isinstance(section, Mapping) else set() for section in sections)
        for parameter in sorted(here & {*FOR_ONE_RUN} - now):
            raise PodiumError(
                f"The parameter {name}.{parameter} has no effect in a file. Name the source in the catalog, in the "
                f"entries {name}.source_…, or for one run: --params {name}.{parameter}=…"
            )
