"""The guard: every load and save asks here before a byte moves. What it refuses is told to whoever keeps records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from podium.errors import did_you_mean
from podium.lakehouse.errors import LakehouseError

from .keys import HOW, VARIABLE
from .masks import mask_frame, mask_rows
from .policy import Policy
from .rules import FILE, ZONES, Verb

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = [
    "AccessError",
    "Grant",
    "Refusal",
    "Wish",
    "configure",
    "current",
    "masked",
    "masked_rows",
    "on_refusal",
    "preflight",
    "require",
]


class AccessError(LakehouseError):
    """The rules do not allow what was asked."""


@dataclass(frozen=True)
class Wish:
    """Something that somebody wants to do: ``what`` names the table, ``env`` another environment to read from."""

    verb: Verb
    zone: str
    what: str
    env: str | None = None


@dataclass(frozen=True)
class Refusal:
    """What was refused, for the record."""

    principal: str
    roles: tuple[str, ...]
    verb: Verb
    zone: str
    what: str
    env: str
    at: datetime


@dataclass(frozen=True)
class Grant:
    """What was allowed, and the columns that are to be masked: column in lower case -> kind."""

    wish: Wish
    masks: Mapping[str, str] = field(default_factory=dict)


_policy: Policy | None = None
_callbacks: list[Callable[[Refusal], None]] = []


def configure(policy: Policy | None) -> None:
    """Decide by this policy from now on.

    A Kedro context always configures one. Where nothing did, in a script or a test that makes a dataset by hand, all is
    allowed and nothing masked: there is no environment then whose rules could count. None returns to that.
    """
    global _policy
    _policy = policy


def current() -> Policy | None:
    """The policy in use, if any."""
    return _policy


def on_refusal(callback: Callable[[Refusal], None]) -> None:
    """Call this for every refusal from now on, before the error is raised."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def require(verb: Verb, zone: str, what: str, env: str | None = None) -> Grant:
    """The right to read or write a table.

    Args:
        verb: ``read`` or ``write``.
        zone: the part of the lakehouse that it belongs to.
        what: the table, for errors and records: its path or its name.
        env: the environment that it belongs to, if that is another one: it is read-only then, and masked.

    Raises:
        AccessError: whoever asks may not do that; nothing was read or written.
    """
    wish = Wish(verb, zone, what, env)
    if _policy is None:
        return Grant(wish)
    if not _may(_policy, wish):
        raise AccessError(_refuse(_policy, wish))
    return _granted(_policy, wish)


def preflight(wishes: Iterable[Wish]) -> None:
    """See that all of this is allowed, before a run begins.

    Raises:
        AccessError: it is not; the one error names every zone and verb that is refused, or the key that is missing.
    """
    if _policy is None:
        return
    together: dict[tuple[Verb, str, str | None], list[str]] = {}
    for wish in wishes:
        together.setdefault((wish.verb, wish.zone, wish.env), []).append(wish.what)
    asked = [Wish(verb, zone, ", ".join(sorted({*names})), env) for (verb, zone, env), names in together.items()]
    refused = [_refuse(_policy, wish) for wish in asked if not _may(_policy, wish)]
    if refused:
        raise AccessError("This run is refused, nothing was read or written.\n" + "\n".join(refused))
    for wish in asked:
        if _granted(_policy, wish).masks:
            _key(_policy, wish)


def masked(frame: DataFrame, grant: Grant) -> DataFrame:
    """The frame as the grant lets it be seen.

    Raises:
        AccessError: there is something to mask, and no key.
    """
    policy = _policy
    return mask_frame(frame, grant.masks, lambda: _key(policy, grant.wish)) if grant.masks else frame


def masked_rows(rows: pd.DataFrame, grant: Grant) -> pd.DataFrame:
    """The same for a few rows that were read without an engine."""
    policy = _policy
    return mask_rows(rows, grant.masks, lambda: _key(policy, grant.wish)) if grant.masks else rows


def _is_foreign(policy: Policy, wish: Wish) -> bool:
    return wish.env is not None and wish.env != policy.env


def _may(policy: Policy, wish: Wish) -> bool:
    if wish.zone not in ZONES:
        near = did_you_mean(wish.zone, ZONES)
        raise AccessError(f"{wish.what}: there is no zone {wish.zone!r}{near}; there are {', '.join(ZONES)}.")
    if _is_foreign(policy, wish) and wish.verb == "write":
        return False
    return wish.zone in policy.allowed(wish.env or policy.env).to(wish.verb)


def _granted(policy: Policy, wish: Wish) -> Grant:
    # Who may see clear values there does so in a run of that environment; a copy of them elsewhere has no guard.
    clear = policy.allowed(wish.env or policy.env).clear and not _is_foreign(policy, wish)
    masks = {} if wish.verb == "write" or clear else policy.rules.masked_columns(wish.zone)
    return Grant(wish, masks)


def _key(policy: Policy | None, wish: Wish) -> bytes:
    if policy is not None and policy.key.found(own=not _is_foreign(policy, wish)):
        return policy.key.get()
    env = wish.env or (policy.env if policy else "")
    raise AccessError(
        f"{_name(wish)} in {env} is read masked, and there is no key to mask with; nothing was read. Set "
        f"{VARIABLE}, or masking.key in conf/local/credentials.yml; {HOW}."
    )


def _refuse(policy: Policy, wish: Wish) -> str:
    """Tell those who keep records, and say what was refused, why, and what to change."""
    names, env = policy.caller.names(), wish.env or policy.env
    roles = tuple(dict.fromkeys(role for name in names for role in policy.roles(name, env)))
    refusal = Refusal(" as ".join(names), roles, wish.verb, wish.zone, wish.what, env, datetime.now(UTC))
    for callback in _callbacks:
        callback(refusal)
    who = " as ".join(f"{name} (roles: {', '.join(policy.roles(name, env)) or 'none'})" for name in names)
    return f"{who} may not {wish.verb} {_name(wish)} in {env}. {_remedy(policy, wish, env)}"


def _name(wish: Wish) -> str:
    return f"the zone {wish.zone} ({wish.what})"


def _remedy(policy: Policy, wish: Wish, env: str) -> str:
    if _is_foreign(policy, wish) and wish.verb == "write":
        return f"From {policy.env}, {env} is read-only: write there in a run with --env {env}."
    rules, names = policy.rules, policy.caller.names()
    holders = rules.holders(env, wish.verb, wish.zone)
    if not holders:
        return f"No role may: see environments.{env}.rights in {FILE}."
    lacking = next(n for n in names if wish.zone not in policy.allowed(env, (n,)).to(wish.verb))
    remedy = f"It takes one of the roles {', '.join(holders)}: "
    if not rules.members and len(names) == 1:
        why = "is not in a folder of this machine" if not policy.is_local(env) else "belongs to another OS user"
        subject = f"the storage of {env}" if not policy.is_local(env) else "the project's folder"
        return f"{remedy}{subject} {why}, so members must be listed; add {lacking} to members in {FILE}."
    return f"{remedy}see members.{lacking} in {FILE}, or ask somebody who has one."
