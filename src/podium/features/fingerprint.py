"""A digest of a domain's source code, to detect results that another version of the code computed."""

from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from podium.domains.base import Domain

__all__ = ["code_digest"]


def code_digest(domain: Domain, *modules: str) -> str:
    """SHA-256 of the source of a domain's modules.

    Without ``modules``, the digest covers every module of the domain's package, but no sub-package: sub-packages
    hold code that affects no table, such as pictures.
    """
    return _digest(domain.package, modules)


@lru_cache
def _digest(package: str, modules: tuple[str, ...]) -> str:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    files = [folder / f"{name}.py" for name in modules] if modules else sorted(folder.glob("*.py"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
