"""Fixtures for access policies: the project's rules, a principal and a key. They restore the guard at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from podium.lakehouse import access
from podium.lakehouse.access.keys import MaskKey
from podium.lakehouse.access.principal import NARROW, Caller
from podium.lakehouse.access.rules import AccessRules, read_rules
from tests.conftest import PROJECT

SECRET = "a key of the tests, with more than 32 bytes"
ROLES = ("data_scientist", "ml_engineer", "ci", "job", "operator", "auditor", "approver")
# A principal for each role, with the role's name, and one without a role.
MEMBERS = {role: [role] for role in ROLES}
NOBODY = "nobody-in-particular"


def raw_rules(**changes) -> dict:
    return yaml.safe_load((PROJECT / "conf/base/access.yml").read_text()) | changes


@pytest.fixture(autouse=True)
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start every test without a policy, and restore the previous one afterwards."""
    monkeypatch.delenv(NARROW, raising=False)
    before, callbacks = access.current(), list(access.guard._callbacks)
    access.configure(None)
    yield
    access.configure(before)
    access.guard._callbacks[:] = callbacks


@pytest.fixture(scope="session")
def rules() -> AccessRules:
    """The project's access rules, with a member for each role."""
    return read_rules(raw_rules(members=MEMBERS))


Enter = Callable[..., access.Policy]


@pytest.fixture
def enter(rules: AccessRules, tmp_path: Path) -> Enter:
    """Return a function that configures the guard like a run by the given principal in the given environment."""

    def act(name: str, env: str, *, key: str | None = SECRET, own: Path | None = None, **settings) -> access.Policy:
        policy = access.Policy(
            env=env,
            rules=settings.pop("rules", rules),
            caller=Caller(lambda: name, owner=settings.pop("owner", False)),
            roots=dict.fromkeys(rules.environments, settings.pop("root", str(tmp_path))),
            key=MaskKey(SecretStr(key) if key else None, own),
        )
        access.configure(policy)
        return policy

    return act


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with its size and modification time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    } | {"": (folder.stat().st_nlink, 0)}
