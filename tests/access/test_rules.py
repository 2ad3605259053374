"""The access rules file: valid rules, and errors that suggest the nearest name."""

import re

import pytest
import yaml
from hypothesis import given

from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.lakehouse.access.rules import ZONES, read_rules
from tests.access.conftest import ROLES, raw_rules
from tests.access.strategies import some_roles, some_rules
from tests.conftest import PROJECT


def changed(path: str, value) -> dict:
    raw = raw_rules()
    *steps, last = path.split("/")
    place = raw
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    return raw


WRONG = {
    "a key of the file": ("member", {}, "member: there is no such key (did you mean 'members'?)"),
    "a key of an environment": (
        "environments/prod/right",
        {},
        "environments.prod.right: there is no such key (did you mean 'rights'?)",
    ),
    "a key of rights": (
        "environments/prod/rights/job/reads",
        "all",
        "environments.prod.rights.job.reads: there is no such key (did you mean 'read'?)",
    ),
    "a key of a role": ("roles/job/abouts", "x", "roles.job.abouts: there is no such key (did you mean 'about'?)"),
    "a key of a mask": ("masks/0/colum", "x", "masks.0.colum: there is no such key (did you mean 'column'?)"),
    "a zone": ("environments/prod/rights/job/read", ["bronce"], "no zone 'bronce' (did you mean 'bronze'?)"),
    "zones that are one word": ("environments/prod/rights/job/read", "bronze", "give a list of zones, or the word all"),
    "a zone of a mask": ("masks/0/zones", ["silver"], "there is no zone 'silver'"),
    "a role with rights": (
        "environments/prod/rights/jobs",
        {"read": "all"},
        "environments.prod.rights: there is no role 'jobs' (did you mean 'job'?)",
    ),
    "a role of a member": ("members", {"ada": ["audit"]}, "members.ada: there is no role 'audit' (did you mean 'audi"),
    "a role that is unmasked": ("environments/prod/unmasked", ["jop"], "there is no role 'jop' (did you mean 'job'?)"),
    "the owner's role": ("owner", "boss", "owner: there is no role 'boss'"),
    "anyone as a role": ("roles/anyone", {"about": "x"}, "roles.anyone: everybody has this role"),
    "anyone as a member's role": ("members", {"ada": ["anyone"]}, "members.ada: there is no role 'anyone'"),
    "a kind that is no name": ("masks/0/kind", "a b", "masks.0.kind"),
    "a column masked twice": (
        "masks",
        [{"column": "A", "zones": ["bronze"]}, {"column": "a", "kind": "b", "zones": "all"}],
        "masked twice in bronze",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_in_the_rules_is_refused(what):
    path, value, message = WRONG[what]
    with pytest.raises(PodiumError, match=re.escape(message)):
        read_rules(changed(path, value))


def test_one_error_lists_every_mistake():
    raw = changed("owner", "boss") | {"memberz": {}, "masks": [{"column": "a", "zones": ["gold"]}]}
    with pytest.raises(PodiumError) as refused:
        read_rules(raw)
    assert "memberz" in str(refused.value)
    assert "'gold'" in str(refused.value)


def test_an_environment_without_rules_is_refused(rules):
    with pytest.raises(PodiumError, match=r"no rules for the environment 'prd' \(did you mean 'prod'\?\)"):
        rules.of("prd")


def test_every_environment_of_the_project_has_rules(rules):
    folders = {path.name for path in (PROJECT / "conf").iterdir() if path.is_dir()} - {"base", "local"}
    assert rules.environments.keys() == folders


def test_the_zones_of_the_catalog_are_those_of_the_rules():
    entries = {}
    for file in (PROJECT / "conf/base/catalog").glob("*.yml"):
        entries |= yaml.safe_load(file.read_text())
    zones = {entry["zone"] for entry in entries.values() if "zone" in entry} - {"{zone}"}
    assert zones | {"registry"} == set(ZONES)


def test_the_tail_number_is_masked_in_every_table_that_holds_it(rules):
    """Bronze has tail numbers by the events' schemas. The other zones get them if a feature uses such a column."""
    holds = {event.name for event in DOMAIN.events if "tail_number" in event.schema}
    assert holds == {"departure", "plane"}
    for zone in ("bronze", "features", "training_sets", "predictions"):
        assert rules.masked_columns(zone)["tail_number"] == rules.masked_columns(zone)["tailnum"] == "tail_number"
    assert "received" in rules.masked_columns("quarantine")
    assert "top" in rules.masked_columns("monitoring")


def test_nobody_reads_clear_values_in_dev_and_only_job_writes_features_in_prod(rules):
    assert not any(rules.allowed("dev", [role]).clear for role in ROLES)
    assert rules.holders("prod", "write", "features") == ["job"]
    assert set(rules.holders("staging", "write", "features")) == {"ml_engineer", "ci", "job"}


@given(some_rules(), some_roles, some_roles)
def test_more_roles_never_mean_less(rules, some, others):
    few, many = rules.allowed("here", some), rules.allowed("here", [*some, *others])
    assert few.read <= many.read
    assert few.write <= many.write
    assert few.clear <= many.clear
