"""The key of the masks: from the credentials, or one that an environment makes for itself where the rules let it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from podium.errors import PodiumError
from podium.lakehouse.atomic_files import create_once

from .masks import hmac_key

__all__ = ["VARIABLE", "MaskKey", "given_key"]

VARIABLE = "PODIUM_MASK_KEY"
LEAST = 32
HOW = "python -c 'import secrets; print(secrets.token_hex(32))' makes one"


@dataclass(frozen=True)
class MaskKey:
    """Where the key of the masks comes from; it never shows what it is.

    Attributes:
        given: the key from the credentials, if there is one.
        own: the file of the environment's own key; None where the rules want one to be given.
    """

    given: SecretStr | None = None
    own: Path | None = None

    def found(self, *, own: bool = True) -> bool:
        """Whether there is a key; ``own`` says whether the environment's own would do."""
        return self.given is not None or (own and self.own is not None)

    def get(self) -> bytes:
        """The key of the HMAC; the environment's own is made at first need."""
        if self.given is not None:
            return hmac_key(self.given.get_secret_value())
        assert self.own is not None, "found() was not asked"
        return hmac_key(_kept(self.own))


def given_key(credentials: Mapping[str, Any]) -> SecretStr | None:
    """The key that ``PODIUM_MASK_KEY``, or else ``masking.key`` of the credentials, names; None where neither does.

    Raises:
        PodiumError: it is too short to be a key.
    """
    section = credentials.get("masking") or {}
    key = os.environ.get(VARIABLE) or (section.get("key") if isinstance(section, Mapping) else None)
    if not key:
        return None
    if len(str(key).encode()) < LEAST:
        raise PodiumError(f"The key of the masks ({VARIABLE}, or masking.key) is under {LEAST} bytes long; {HOW}.")
    return SecretStr(str(key))


def _kept(file: Path) -> str:
    if not file.exists():
        with create_once(file) as part:
            part.touch(mode=0o600)
            part.write_text(secrets.token_hex(32))
    return file.read_text()
