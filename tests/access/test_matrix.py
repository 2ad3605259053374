"""The rights of every role in every environment and zone, tested through the datasets on Sail, and in part on Spark.

The expected rights are written out here, not read from the rules, so a change of the rules needs a change here too.
"""

from collections.abc import Callable
from functools import reduce
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse import engine
from podium.lakehouse.access import ZONES, AccessError
from podium.lakehouse.access.masks import hmac_key, masked_value
from podium.lakehouse.table import DeltaDataset
from podium.registry import datasets as registry
from tests.access.conftest import NOBODY, ROLES, SECRET, contents

# r: read, m: read masked, w: write, -: no access. The columns are the zones, in the order of ZONES.
EXPECTED = {
    "dev": dict.fromkeys([*ROLES, NOBODY], "mw mw mw mw mw mw rw"),
    "staging": {
        "data_scientist": "m  -  m  m  m  m  r",
        "ml_engineer": "   mw mw mw mw mw mw rw",
        "ci": "            rw rw rw rw rw rw rw",
        "job": "           rw rw rw rw rw rw rw",
        "operator": "      m  m  m  m  m  m  r",
        "auditor": "       m  m  m  m  m  m  r",
        "approver": "      -  -  -  -  -  m  r",
        NOBODY: "          -  -  -  -  -  -  -",
    },
    "prod": {
        "data_scientist": "m  -  m  m  m  m  r",
        "ml_engineer": "   m  m  m  m  m  m  r",
        "ci": "            -  -  -  -  -  -  -",
        "job": "           rw rw rw rw rw rw rw",
        "operator": "      m  m  m  m  m  mw r",
        "auditor": "       r  r  r  r  r  r  r",
        "approver": "      -  -  -  m  m  m  rw",
        NOBODY: "          -  -  -  -  -  -  -",
    },
}
ROWS = [
    (env, role, dict(zip(ZONES, cells.split(), strict=True)))
    for env in EXPECTED
    for role, cells in EXPECTED[env].items()
]
every_role = pytest.mark.parametrize(("env", "role", "cells"), ROWS)
TABLES = [zone for zone in ZONES if zone != "registry"]
# A masked column in each zone. The kind of its mask is the column's name.
MASKED = dict.fromkeys(TABLES, "tail_number") | {"quarantine": "received", "monitoring": "top"}
CLEAR = "N14228"


def test_the_matrix_covers_every_environment_role_and_zone(rules):
    assert {(env, role, *cells) for env, role, cells in ROWS} == {
        (env, role, *ZONES) for env in rules.environments for role in [*rules.roles, NOBODY]
    }


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], DeltaDataset]:
    """A table with one row in every zone of every environment."""
    root = tmp_path_factory.mktemp("lake")
    for env, zone in product(EXPECTED, TABLES):
        (root / env / zone).mkdir(parents=True)
        write_deltalake(root / env / zone, pa.table({MASKED[zone]: [CLEAR]}))
    return lambda env, zone: DeltaDataset(path=str(root / env / zone), zone=zone, mode="append")


@every_role
def test_reads_follow_the_matrix(lake, enter, env, role, cells):
    enter(role, env)
    loaded, expected = [], {}
    for zone in TABLES:
        if cells[zone][0] in "rm":
            loaded.append(lake(env, zone).load().select(F.lit(zone).alias("zone"), MASKED[zone]))
            masked = masked_value(hmac_key(SECRET), MASKED[zone], CLEAR)
            expected[zone] = CLEAR if "r" in cells[zone] else masked
        else:
            with pytest.raises(AccessError, match=f"may not read the zone {zone}"):
                lake(env, zone).load()

    assert dict(map(tuple, reduce(DataFrame.union, loaded).collect() if loaded else [])) == expected


@every_role
def test_writes_follow_the_matrix(lake, enter, env, role, cells):
    enter(role, env)
    for zone in TABLES:
        dataset = lake(env, zone)
        before, version = contents(Path(dataset.path)), DeltaTable(dataset.path).version()
        if "w" in cells[zone]:
            dataset.save(row(zone))
            assert DeltaTable(dataset.path).version() == version + 1
        else:
            with pytest.raises(AccessError, match=f"may not write the zone {zone}"):
                dataset.save(row(zone))
            assert contents(Path(dataset.path)) == before


def row(zone: str) -> DataFrame:
    return engine.session().createDataFrame([(CLEAR,)], f"{MASKED[zone]} string")


@every_role
def test_the_registry_follows_the_matrix(enter, monkeypatch, env, role, cells):
    """Needs no engine. The test records the calls to MLflow, to show that the guard runs before them."""
    asked = []
    for name in ("newest_candidate", "newest_evidence", "load_version", "log_candidate", "log_evidence", "apply"):
        found = SimpleNamespace(digest="a", version="1")
        monkeypatch.setattr(registry, name, lambda *_, name=name, found=found: asked.append(name) or found)
    monkeypatch.setattr(registry, "MlflowClient", lambda: asked.append("trials"))
    monkeypatch.setattr(registry.mlflow, "set_tags", lambda tags: None)
    monkeypatch.setattr(registry.mlflow, "active_run", object)
    kinds = [registry.CandidateDataset, registry.EvidenceDataset, registry.ChampionDataset]
    reads = [kind(problem="p").load for kind in kinds]
    decision = registry.Decision(candidate=None, checks=(), metrics={})
    writes = [lambda kind=kind: kind(problem="p").save(decision) for kind in kinds]
    writes.append(lambda: registry.TrialsDataset(problem="p").save(pd.DataFrame()))
    enter(role, env)

    for verb, acts in (("read", reads), ("write", writes)):
        for act in acts:
            if verb[0] in cells["registry"]:
                act()
            else:
                with pytest.raises(AccessError, match=f"may not {verb} the zone registry"):
                    act()

    assert len(asked) == 3 * ("r" in cells["registry"]) + 4 * ("w" in cells["registry"])
