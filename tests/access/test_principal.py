"""The principal is the real OS user. The variable PODIUM_PRINCIPAL removes rights and never adds any."""

import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.lakehouse.access import Policy, read_rules
from podium.lakehouse.access.principal import NARROW, Caller, os_user, owns
from tests.access.conftest import NOBODY, raw_rules
from tests.access.strategies import some_rules

people = st.sampled_from(["ada", "bob", "cy", "unlisted"])


def policy(rules, name: str, *, owner: bool = False, root: str = "/data") -> Policy:
    return Policy(
        env="here",
        rules=rules,
        caller=Caller(lambda: name, owner=owner),
        roots=dict.fromkeys(("here", "staging", "prod"), root),
    )


@given(some_rules(), people, people, st.booleans())
def test_the_variable_only_narrows(rules, real, claimed, owner):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(NARROW, raising=False)
        own, others = policy(rules, real, owner=owner).allowed("here"), policy(rules, claimed).allowed("here")
        patch.setenv(NARROW, claimed)
        narrowed = policy(rules, real, owner=owner).allowed("here")
    if real == claimed:
        assert narrowed == own
    else:
        assert narrowed == own & others
    assert narrowed.read <= own.read
    assert narrowed.write <= own.write
    assert narrowed.clear <= own.clear


def test_environment_variables_do_not_change_the_user(monkeypatch):
    for variable in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, NOBODY)
    assert os_user() == pwd.getpwuid(os.geteuid()).pw_name != NOBODY


@pytest.fixture
def unlisted():
    return read_rules(raw_rules(members={}))


def test_the_owner_has_the_job_role_on_local_storage_until_members_are_listed(unlisted, rules):
    local, remote = "/data/prod", "s3://bucket/podium"
    for env in ("staging", "prod"):
        assert policy(unlisted, "me", owner=True, root=local).roles("me", env) == ("job",)
        assert policy(unlisted, "me", owner=False, root=local).roles("me", env) == ()
        assert policy(unlisted, "me", owner=True, root=remote).roles("me", env) == ()
        assert policy(unlisted, "me", owner=True, root="uc://main").roles("me", env) == ()
        assert policy(unlisted, "me", owner=True, root=local).roles("somebody", env) == ()
        assert policy(rules, "me", owner=True, root=local).roles("me", env) == ()


def test_the_owner_is_the_user_who_owns_the_folder(tmp_path: Path, monkeypatch):
    assert owns(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert not owns(tmp_path)
