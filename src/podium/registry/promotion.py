"""Promotion: copy a model version from one environment's registry to another one, where it becomes challenger."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from podium.errors import PodiumError, did_you_mean

from .lookups import aliases_of, model_names, versions
from .tracking import TrackingLocation, asking, prepare
from .version_folder import Bundle, collect, deliver, fetch_model, see_that_it_arrived
from .versions import CHALLENGER, CHAMPION, evidence_tags, register, registered

__all__ = ["PromotionPlan", "plan_promotion", "promote"]

# The tag podium.kind of a run that holds a promoted version. The pipelines of the target environment look for runs with
# the kinds of a candidate and of evidence, so they ignore this run.
KIND = "promotion"


@dataclass(frozen=True, kw_only=True)
class PromotionPlan:
    """A promotion that was checked but not yet carried out.

    Attributes:
        name: the name of the model.
        source, target: the two environments.
        version: the version to copy, from the source's registry.
        present: the target's version with the same digest; None if it has none.
        aliases: alias -> version, in the target's registry.
    """

    name: str
    source: TrackingLocation
    target: TrackingLocation
    version: ModelVersion
    present: str | None
    aliases: Mapping[str, str]

    @property
    def origin(self) -> str:
        """The source as ``environment/version``, which is the form of the tag ``podium.promoted_from``."""
        return f"{self.source.env}/{self.version.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the model's files."""
        return self.version.tags["podium.digest"]

    @property
    def alias(self) -> str | None:
        """The alias that the same model, by its digest, already has in the target; None if it has none there."""
        held = [alias for alias in (CHAMPION, CHALLENGER) if self.present and self.aliases.get(alias) == self.present]
        return held[0] if held else None


def plan_promotion(
    name: str, source: TrackingLocation, target: TrackingLocation, version: str | None = None
) -> PromotionPlan:
    """Check that a version can be promoted, and return the plan. Writes nothing.

    Args:
        name: the name of the model.
        source: the environment to copy from.
        target: the environment to copy to.
        version: its number in the source; by default the one with the alias ``champion``.

    Raises:
        PodiumError: there is no such version, its files changed, its evidence is incomplete, or both environments
            have the same registry.
    """
    _see_that_they_differ(source, target)
    if not source.exists:
        raise PodiumError(
            f"{source.env} has no models yet: its MLflow database {source.uri} does not exist. Train a model there "
            "first, or check the URI."
        )
    for place in (source, target):
        if place.exists:
            prepare(place.uri)
    with asking(source.uri), tempfile.TemporaryDirectory() as scratch:
        found = _version(name, source, version)
        collect(source, found, Path(scratch))
    present, aliases = None, {}
    if target.exists:
        with asking(target.uri):
            client = target.client()
            present, aliases = registered(client, name, found.tags["podium.digest"]), aliases_of(client, name) or {}
            if present and client.get_model_version(name, present).run_id == found.run_id:
                raise PodiumError(
                    f"{source.env} and {target.env} use the same MLflow, so there is nothing to promote: version "
                    f"{found.version} of {name} is already there."
                )
    return PromotionPlan(name=name, source=source, target=target, version=found, present=present, aliases=aliases)


def promote(plan: PromotionPlan, say: Callable[[str], None]) -> str:
    """Carry out a promotion plan, and return the version's number in the target. Idempotent.

    A version whose digest the target already has is not registered again. The alias is set last: a promotion that is
    killed leaves at most a version without an alias, and the next promotion completes it.

    Args:
        plan: from ``plan_promotion``.
        say: called with a line for each step.
    """
    name, target = plan.name, plan.target
    prepare(target.uri)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(asking(target.uri))
        client = target.client()
        number = registered(client, name, plan.digest)
        if number is None:
            say(f"Reading {plan.origin}, checking its files")
            with asking(plan.source.uri):
                bundle = collect(plan.source, plan.version, scratch)
            number = _copy(plan, bundle, client, scratch / "back", say)
        else:
            say(f"{target.env} already has the same files, as version {number}; checking them")
            fetch_model(target, client.get_model_version(name, number), scratch / "present")
        # If the version is champion already, don't make it challenger too.
        if (aliases_of(client, name) or {}).get(CHAMPION) != number:
            client.set_registered_model_alias(name, CHALLENGER, number)
    return number


def _copy(plan: PromotionPlan, bundle: Bundle, client: MlflowClient, back: Path, say: Callable[[str], None]) -> str:
    target = plan.target
    experiment = target.experiment_id()
    tags = _origin_tags(plan, bundle)
    named = {"mlflow.runName": KIND, "podium.problem": plan.name, "podium.env": target.env, **tags}
    run = client.create_run(experiment, tags=named).info.run_id
    status = "FAILED"
    try:
        say(f"Writing to {target.env}, run {run}")
        model_id = deliver(bundle, target, run, experiment)
        say("Reading it back, comparing the bytes")
        see_that_it_arrived(bundle, target, run, model_id, back)
        client.set_tag(run, "podium.model_uri", f"models:/{model_id}")
        client.set_tag(run, "podium.kind", KIND)
        status = "FINISHED"
    finally:
        client.set_terminated(run, status)
    tags |= evidence_tags(bundle.metrics, bundle.checks)
    # The gate of the target environment has not judged this version yet, so podium.decision is undecided. Keep the
    # decision of the source environment's gate in podium.source_decision.
    tags |= {"podium.decision": "undecided", "podium.source_decision": plan.version.tags.get("podium.decision", "")}
    return register(client, plan.name, model_id, run, tags)


def _origin_tags(plan: PromotionPlan, bundle: Bundle) -> dict[str, str]:
    there = plan.version.tags
    return {
        "podium.digest": plan.digest,
        "podium.code_digest": there["podium.code_digest"],
        "podium.as_of": there["podium.as_of"],
        "podium.algorithm": there["podium.algorithm"],
        "podium.promoted_from": plan.origin,
        "podium.source_training_run": bundle.training_run,
        "podium.source_evaluation_run": bundle.evaluation_run,
    }


def _see_that_they_differ(source: TrackingLocation, target: TrackingLocation) -> None:
    if source.env == target.env:
        raise PodiumError(
            f"A version can only be promoted to another environment, but both are {source.env}. Name two different "
            "environments."
        )
    if source.uri == target.uri:
        raise PodiumError(f"{source.env} and {target.env} use the same MLflow, so there is nothing to promote.")


def _version(name: str, place: TrackingLocation, version: str | None) -> ModelVersion:
    client = place.client()
    known = model_names(client)
    if name not in known:
        raise PodiumError(
            f"{place.env} has no model {name!r}{did_you_mean(name, known)}. Its models: {', '.join(known) or 'none'}."
        )
    known_versions = {str(found.version) for found in versions(client, f"name = '{name}'")}
    number = version or (aliases_of(client, name) or {}).get(CHAMPION)
    has = f"{place.env} has versions: {', '.join(sorted(known_versions, key=int)) or 'none'}."
    if number is None:
        raise PodiumError(f"{name} has no champion in {place.env}. Choose a version with --version. {has}")
    if number not in known_versions:
        raise PodiumError(f"There is no version {number} of {name} in {place.env}. {has}")
    return client.get_model_version(name, number)
