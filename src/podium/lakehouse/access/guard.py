"""The guard: checks the access rules before every load and save, and reports each refusal to registered callbacks."""

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
    """The access rules do not allow a read or write."""


@dataclass(frozen=True)
class Wish:
    """A requested read or write of the table ``what``. ``env`` is its environment; None means this process's."""

    verb: Verb
    zone: str
    what: str
    env: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A refused read or write, as the guard passes it to the callbacks."""

    principal: str
    roles: tuple[str, ...]
    verb: Verb
    zone: str
    what: str
    env: str
    at: datetime


@dataclass(frozen=True)
class Grant:
    """An allowed read or write. ``masks`` maps the lower-case name of each masked column to the kind of its mask."""

    wish: Wish
    masks: Mapping[str, str] = field(default_factory=dict)


_policy: Policy | None = None
_callbacks: list[Callable[[Refusal], None]] = []


def configure(policy: Policy | None) -> None:
    """Set the policy of this process.

    A Kedro context always sets one. Without a policy (None), everything is allowed and nothing is masked: a script or a
    test that creates a dataset by hand has no environment whose rules could apply.
    """
    global _policy
    _policy = policy


def current() -> Policy | None:
    """The access policy of this process. None if no policy is set."""
    return _policy


def on_refusal(callback: Callable[[Refusal], None]) -> None:
    """Register a callback that the guard calls with every later refusal, before it raises the error."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def require(verb: Verb, zone: str, what: str, env: str | None = None) -> Grant:
    """Return the grant to read or write a table. Raise if the access rules do not allow it.

    Args:
        verb: ``read`` or ``write``.
        zone: the zone of the lakehouse that the table belongs to.
        what: the path or name of the table, for errors and logs.
        env: the environment that the table belongs to, if it is another one. The table is then read-only and masked.

    Raises:
        AccessError: the principal may not do that. Nothing was read or written.
    """
    wish = Wish(verb, zone, what, env)
    if _policy is None:
        return Grant(wish)
    if not _may(_policy, wish):
        raise AccessError(_refuse(_policy, wish))
    return _granted(_policy, wish)


def preflight(wishes: Iterable[Wish]) -> None:
    """Check all reads and writes of a run before it begins.

    Raises:
        AccessError: some are refused, or the mask key is missing. The error names every refused zone and verb.
    """
    if _policy is None:
        return
    together: dict[tuple[Verb, str, str | None], list[str]] = {}
    for wish in wishes:
        together.setdefault((wish.verb, wish.zone, wish.env), []).append(wish.what)
    asked = [Wish(verb, zone, ", ".join(sorted({*names})), env) for (verb, zone, env), names in together.items()]
    refused = [_refuse(_policy, wish) for wish in asked if not _may(_policy, wish)]
    if refused:
        raise AccessError("This run is refused; nothing was read or written.\n" + "\n".join(refused))
    for wish in asked:
        if _granted(_policy, wish).masks:
            _key(_policy, wish)


def masked(frame: DataFrame, grant: Grant) -> DataFrame:
    """Return the frame with the columns in ``grant.masks`` masked.

    Raises:
        AccessError: there are columns to mask, but no key.
    """
    policy = _policy
    return mask_frame(frame, grant.masks, lambda: _key(policy, grant.wish)) if grant.masks else frame


def masked_rows(rows: pd.DataFrame, grant: Grant) -> pd.DataFrame:
    """Like ``masked``, for a few rows that were read without an engine."""
    policy = _policy
    return mask_rows(rows, grant.masks, lambda: _key(policy, grant.wish)) if grant.masks else rows


def _is_foreign(policy: Policy, wish: Wish) -> bool:
    return wish.env is not None and wish.env != policy.env


def _may(policy: Policy, wish: Wish) -> bool:
    if wish.zone not in ZONES:
        near = did_you_mean(wish.zone, ZONES)
        raise AccessError(f"{wish.what}: there is no zone {wish.zone!r}{near}. The zones are {', '.join(ZONES)}.")
    if _is_foreign(policy, wish) and wish.verb == "write":
        return False
    return wish.zone in policy.allowed(wish.env or policy.env).to(wish.verb)


def _granted(policy: Policy, wish: Wish) -> Grant:
    # Always mask what is read from another environment. That environment's rules do not apply here, so they would not
    # protect unmasked values that are copied into this one.
    clear = policy.allowed(wish.env or policy.env).clear and not _is_foreign(policy, wish)
    masks = {} if wish.verb == "write" or clear else policy.rules.masked_columns(wish.zone)
    return Grant(wish, masks)


def _key(policy: Policy | None, wish: Wish) -> bytes:
    if policy is not None and policy.key.found(own=not _is_foreign(policy, wish)):
        return policy.key.get()
    env = wish.env or (policy.env if policy else "")
    raise AccessError(
        f"{_name(wish)} in {env} can only be read masked, but there is no mask key, so nothing was read. Set "
        f"{VARIABLE}, or masking.key in conf/local/credentials.yml; {HOW}."
    )


def _refuse(policy: Policy, wish: Wish) -> str:
    """Call the callbacks, and return a message that says what was refused, why, and what to change."""
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
        return f"From {policy.env}, {env} is read-only. To write there, start a run with --env {env}."
    rules, names = policy.rules, policy.caller.names()
    holders = rules.holders(env, wish.verb, wish.zone)
    if not holders:
        return f"No role may do that. To change this, edit environments.{env}.rights in {FILE}."
    lacking = next(n for n in names if wish.zone not in policy.allowed(env, (n,)).to(wish.verb))
    remedy = f"That needs one of the roles {', '.join(holders)}. "
    if not rules.members and len(names) == 1:
        why = "is not in a folder of this machine" if not policy.is_local(env) else "belongs to another OS user"
        subject = f"the storage of {env}" if not policy.is_local(env) else "the project's folder"
        return f"{remedy}Add {lacking} to members in {FILE}: {subject} {why}, so only listed members have roles."
    return f"{remedy}Add a role to members.{lacking} in {FILE}, or ask a person who has one of these roles."
