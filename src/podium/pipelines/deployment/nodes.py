"""The gate: a list of named checks that decides whether a candidate becomes champion."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command
from podium.problems.base import Problem
from podium.registry.candidate import Candidate
from podium.registry.evidence import Evidence
from podium.registry.versions import Decision, ModelVersion

logger = logging.getLogger(__name__)


def decide(candidate: Candidate, evidence: Evidence, champion: ModelVersion | None, *, problem: Problem) -> Decision:
    """Decide whether the candidate becomes champion: all checks of evaluation and of deployment must pass.

    Raises:
        PodiumError: the newest evaluation is of another candidate, so there is no evidence on this one.
    """
    if evidence.digest != candidate.digest:
        raise PodiumError(
            f"The newest candidate of {problem.name} ({candidate.digest[:12]}) was not evaluated; the newest "
            f"evaluation is of another candidate ({evidence.digest[:12]}). Run: {run_command('evaluation')}"
        )
    checks = (*evidence.evaluation["checks"], _complete(candidate, problem), _current(candidate, evidence, champion))
    decision = Decision(candidate=candidate, checks=checks, metrics=evidence.metrics)
    for check in checks:
        if not check["passed"]:
            logger.warning("%s: the candidate fails the check %s: %s", problem.name, check["name"], check["reason"])
    return decision


def _complete(candidate: Candidate, problem: Problem) -> Mapping[str, Any]:
    """Check that the model needs only features that inference has."""
    unknown = sorted(set(candidate.model.features) - set(problem.feature_names))
    reason = f"Features that inference does not have: {', '.join(unknown) or 'none'}."
    return _check("features_known", not unknown, len(unknown), 0, reason)


def _current(candidate: Candidate, evidence: Evidence, champion: ModelVersion | None) -> Mapping[str, Any]:
    """Check that the evaluation compared the candidate with the current champion, not with an earlier one."""
    now = champion.digest if champion else ""
    same = now in (evidence.champion, candidate.digest)
    who = f"version {champion.version}" if champion else "no champion"
    return _check("compared_with_current_champion", same, None, None, f"The champion of now is {who}.")


def _check(name: str, passed: bool, value: float | None, threshold: float | None, reason: str) -> Mapping[str, Any]:
    return {"name": name, "passed": passed, "value": value, "threshold": threshold, "reason": reason}
