"""The mask key: from the credentials, or generated once for the environment if the access rules allow that."""

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
HOW = "python -c 'import secrets; print(secrets.token_hex(32))' generates a key"


@dataclass(frozen=True)
class MaskKey:
    """The source of the mask key. ``repr`` never shows the key.

    Attributes:
        given: the key from the credentials, if there is one.
        own: the file of the environment's own key. None if the rules require a key from the credentials.
    """

    given: SecretStr | None = None
    own: Path | None = None

    def found(self, *, own: bool = True) -> bool:
        """Whether a mask key is available. ``own`` says whether the environment's own key counts."""
        return self.given is not None or (own and self.own is not None)

    def get(self) -> bytes:
        """Return the HMAC key. If no key is given, generate the environment's own key on first use."""
        if self.given is not None:
            return hmac_key(self.given.get_secret_value())
        assert self.own is not None, "call found() before get()"
        return hmac_key(_kept(self.own))


def given_key(credentials: Mapping[str, Any]) -> SecretStr | None:
    """The mask key in ``PODIUM_MASK_KEY``, otherwise in ``masking.key`` of the credentials. None if neither is set.

    Raises:
        PodiumError: the key is too short.
    """
    section = credentials.get("masking") or {}
    key = os.environ.get(VARIABLE) or (section.get("key") if isinstance(section, Mapping) else None)
    if not key:
        return None
    if len(str(key).encode()) < LEAST:
        raise PodiumError(
            f"The mask key ({VARIABLE}, or masking.key) is shorter than {LEAST} bytes. Set a longer one; {HOW}."
        )
    return SecretStr(str(key))


def _kept(file: Path) -> str:
    if not file.exists():
        with create_once(file) as part:
            part.touch(mode=0o600)
            part.write_text(secrets.token_hex(32))
    return file.read_text()
