"""Runs of the same ``as_of`` in dev on Sail and in prod on Spark write bit-identical rows to all tables.

The tests compare the tables with delta-rs. Masks apply only on load through the project, so they play no part, and no
feature is computed from a masked column.
"""

from __future__ import annotations

import pytest

from podium.domains.flights import DOMAIN
from tests.bits import assert_same_rows, table_keys
from tests.conftest import JVM, Project
from tests.engines.conftest import AS_OF
from tests.runs import Run

TABLES = table_keys(DOMAIN)


@pytest.fixture(scope="module")
def prod(new_project, on_sail) -> tuple[Project, Run]:
    """A full run from the source files, in prod without a cluster, and its output."""
    project = new_project(on_sail.source, env="prod")
    generating_code = {"JAVA_TOOL_OPTIONS": JVM}
    run = Run(project.data, project.source, env="prod", as_of=AS_OF, variables=generating_code)
    assert run.end() == 0, run.output
    return project, run


@pytest.mark.spark
def test_every_table_is_bit_identical(on_sail, prod):
    for name, keys in TABLES.items():
        before, after = on_sail.table(name), prod[0].table(name)
        assert len(before) or name == "quarantine/rows"
        try:
            assert_same_rows(before, after, keys=keys)
        except AssertionError as different:
            raise AssertionError(f"{name}: {different}") from None


@pytest.mark.spark
def test_prod_without_a_cluster_warns_and_runs_locally(prod):
    _, run = prod

    assert run.output.count("NO CLUSTER IS NAMED") == 1
    assert "Starting Spark on local[*]; its log:" in run.output
