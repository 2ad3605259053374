"""The access guard: allowed and refused reads and writes, refusal messages, callbacks."""

import os

import pandas as pd
import pytest
from deltalake import DeltaTable

from podium.lakehouse import access
from podium.lakehouse.access import AccessError, Wish
from podium.lakehouse.access.masks import hmac_key, masked_value
from podium.lakehouse.access.principal import NARROW
from podium.lakehouse.access.rules import read_rules
from podium.lakehouse.table import DeltaDataset, Unchanged
from tests.access.conftest import MEMBERS, NOBODY, SECRET, contents, raw_rules

N1 = masked_value(hmac_key(SECRET), "tail_number", "N1")


@pytest.fixture
def planes(spark, tmp_path) -> DeltaDataset:
    """A prod table, written without a policy, as a script writes it."""
    dataset = DeltaDataset(path=str(tmp_path / "prod" / "planes"), zone="bronze", mode="append")
    dataset.save(spark.createDataFrame([("N1", 2)], "tail_number string, seats int"))
    return dataset


def tails(dataset: DeltaDataset) -> list[str]:
    return [row[0] for row in dataset.load().select("tail_number").collect()]


def test_without_a_policy_every_access_is_allowed_and_unmasked(planes):
    assert access.current() is None
    assert tails(planes) == ["N1"]


def test_only_unmasked_roles_see_clear_values(planes, enter):
    enter("auditor", "prod")
    assert tails(planes) == ["N1"]
    enter("data_scientist", "prod")
    assert tails(planes) == [N1]


def test_a_preview_is_masked_too(planes, enter):
    enter("data_scientist", "prod")
    preview = planes.preview()
    assert preview["data"] == [["1", N1, "2"]]
    assert preview["columns"][1].endswith("string, masked")
    enter(NOBODY, "prod")
    refused = planes.preview()
    assert refused["columns"] == ["no preview"]
    assert "may not read the zone" in refused["data"][0][0]


def test_a_refusal_names_the_principal_the_table_and_the_rule_to_change(planes, enter, spark, tmp_path):
    told = []
    access.on_refusal(told.append)
    access.on_refusal(told.append)
    enter("data_scientist", "prod")
    before = contents(tmp_path / "prod")

    with pytest.raises(AccessError) as refused:
        planes.save(spark.createDataFrame([("N2", 4)], "tail_number string, seats int"))

    said = str(refused.value)
    assert "data_scientist (roles: data_scientist) may not write the zone bronze" in said
    assert planes.path in said
    assert "in prod" in said
    assert "That needs one of the roles job. Add a role to members.data_scientist in conf/base/access.yml" in said
    assert contents(tmp_path / "prod") == before
    (refusal,) = told
    assert (refusal.principal, refusal.roles) == ("data_scientist", ("data_scientist",))
    assert (refusal.verb, refusal.zone, refusal.env, refusal.what) == ("write", "bronze", "prod", planes.path)


def test_a_save_without_changes_is_refused_too(planes, enter):
    enter("auditor", "prod")
    with pytest.raises(AccessError):
        planes.save(Unchanged("nothing is new"))


def test_a_refused_first_save_makes_no_folder(spark, enter, tmp_path):
    enter(NOBODY, "prod")
    with pytest.raises(AccessError):
        DeltaDataset(path=str(tmp_path / "prod" / "new"), zone="features", mode="append").save(spark.range(1))
    assert not (tmp_path / "prod").exists()


def test_a_refusal_names_the_principal_and_the_narrowed_role(planes, enter, monkeypatch):
    enter("job", "prod")
    monkeypatch.setenv(NARROW, "operator")
    assert tails(planes) == [N1]
    with pytest.raises(AccessError, match=r"job \(roles: job\) as operator \(roles: operator\) may not write"):
        access.require("write", "bronze", "planes")


NO_LIST = {
    "remote storage": ({"root": "s3://bucket/podium", "owner": True}, "the storage of prod is not in a"),
    "another owner": ({"owner": False}, "the project's folder belongs to another OS user, so only listed members"),
}


@pytest.mark.parametrize("what", NO_LIST)
def test_without_members_the_error_says_why_the_owner_does_not_count(enter, what):
    settings, message = NO_LIST[what]
    enter("me", "prod", rules=read_rules(raw_rules()), **settings)
    with pytest.raises(AccessError, match=message) as refused:
        access.require("write", "features", "weather")
    assert "Add me to members" in str(refused.value)


def test_an_unknown_zone_is_refused_for_everybody(enter):
    enter("job", "prod")
    with pytest.raises(AccessError, match=r"no zone 'bronse' \(did you mean 'bronze'\?\)"):
        access.require("read", "bronse", "planes")


def of_prod(planes: DeltaDataset) -> DeltaDataset:
    return DeltaDataset(path=planes.path, zone="bronze", mode="append", env="prod")


@pytest.mark.parametrize("name", ["job", "auditor", "data_scientist"])
def test_another_environment_is_masked_for_every_principal(planes, enter, name):
    enter(name, "dev")
    assert tails(of_prod(planes)) == [N1]


@pytest.mark.parametrize("name", ["job", NOBODY])
def test_another_environment_is_read_only(planes, enter, spark, name):
    enter(name, "dev")
    before = DeltaTable(planes.path).version()
    with pytest.raises(AccessError, match=r"From dev, prod is read-only\. To write there, start a run with --env prod"):
        of_prod(planes).save(spark.createDataFrame([("N2", 4)], "tail_number string, seats int"))
    assert DeltaTable(planes.path).version() == before


def test_another_environment_is_read_by_its_own_rules(planes, enter):
    enter(NOBODY, "dev")
    assert access.require("read", "bronze", "planes")
    with pytest.raises(AccessError, match="may not read the zone bronze"):
        of_prod(planes).load()


def test_another_environment_needs_a_given_key(planes, enter, tmp_path):
    enter("data_scientist", "dev", key=None, own=tmp_path / "mask.key")
    assert tails(planes) not in ([N1], ["N1"])  # masked by dev's own key
    with pytest.raises(AccessError, match="PODIUM_MASK_KEY"):
        of_prod(planes).load()


def test_a_copy_of_prod_in_dev_holds_only_masks(planes, enter, tmp_path):
    """A prod table that a dev run reads and saves as its own table contains no clear values."""
    enter("job", "dev")
    copy = DeltaDataset(path=str(tmp_path / "dev" / "copy"), zone="bronze", mode="overwrite")
    copy.save(of_prod(planes).load())
    assert DeltaTable(copy.path).to_pandas()["tail_number"].tolist() == [N1]


def test_masked_columns_join_across_tables(planes, enter, spark, tmp_path):
    flown = DeltaDataset(path=str(tmp_path / "prod" / "flown"), zone="features", mode="append")
    flown.save(spark.createDataFrame([(1, "N1"), (2, "N2")], "flight int, TAILNUM string"))
    enter("data_scientist", "prod")

    left, right = flown.load(), planes.load()
    joined = left.join(right, left["TAILNUM"] == right["tail_number"]).select("flight", "seats").toPandas()

    pd.testing.assert_frame_equal(joined, pd.DataFrame({"flight": [1], "seats": [2]}), check_dtype=False)


def test_a_refused_run_lists_every_violation(enter):
    told = []
    access.on_refusal(told.append)
    enter("operator", "prod")
    wanted = [
        Wish("read", "features", "x.features_b"),
        Wish("write", "features", "x.features_b"),
        Wish("write", "features", "x.features_a"),
        Wish("write", "monitoring", "x.monitoring_a"),
        Wish("write", "registry", "x.champion"),
    ]

    with pytest.raises(AccessError) as refused:
        access.preflight(wanted)

    first, *others = str(refused.value).splitlines()
    assert first == "This run is refused; nothing was read or written."
    assert [line.partition(" may not ")[2].partition(" in prod")[0] for line in others] == [
        "write the zone features (x.features_a, x.features_b)",
        "write the zone registry (x.champion)",
    ]
    assert [(each.verb, each.zone) for each in told] == [("write", "features"), ("write", "registry")]


def test_a_run_that_would_mask_without_a_key_is_refused_before_it_begins(enter, tmp_path):
    wanted = [Wish("read", "bronze", "x.bronze_plane")]
    enter("data_scientist", "prod", key=None)
    with pytest.raises(AccessError, match=r"bronze \(x.bronze_plane\) in prod .* there is no mask key"):
        access.preflight(wanted)
    enter("auditor", "prod", key=None)
    access.preflight(wanted)
    enter("data_scientist", "dev", key=None, own=tmp_path / "dev" / "mask.key")
    access.preflight(wanted)


def test_members_without_a_role_have_only_the_rights_of_anyone(enter):
    enter("ada", "prod", rules=read_rules(raw_rules(members=MEMBERS | {"ada": []})))
    with pytest.raises(AccessError, match=r"ada \(roles: none\)"):
        access.require("read", "bronze", "planes")


def test_the_principal_is_looked_up_lazily():
    """On Databricks the lookup needs a session, so the policy must not trigger it early."""
    policy = access.Policy(
        env="dev",
        rules=read_rules(raw_rules()),
        caller=access.policy.Caller(lambda: pytest.fail("nothing was asked yet"), owner=os.getpid() < 0),
        roots={},
    )
    access.configure(policy)
