"""Fixtures: an S3 server, and each engine with tables in its buckets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from deltalake import DeltaTable

from podium.lakehouse import access, engine
from podium.lakehouse.engines.stores import complete
from podium.lakehouse.table import DeltaDataset
from tests.conftest import SAIL, UTC
from tests.stores.server import KEY, SECRET, Server, running

SCHEMA = "k int, v string"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server, with the environment variables that a user sets for it."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("AWS_")]:
        del os.environ[name]
    with running() as found:
        os.environ |= {"AWS_ENDPOINT_URL": found.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        complete()
        yield found
        engine.stop()  # because a Spark driver may be configured for this server
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def no_rules() -> None:
    """Remove the access policy, because the policy of an earlier test's run still applies to new datasets."""
    access.configure(None)


@pytest.fixture(scope="session")
def lake(server: Server) -> str:
    """The URL of an existing bucket."""
    return server.make_bucket("lake")


@pytest.fixture(scope="session")
def on_spark(lake: str, tmp_path_factory: pytest.TempPathFactory) -> engine.EngineSettings:
    """Settings for Spark with tables in that bucket."""
    log = str(tmp_path_factory.getbasetemp() / "spark-s3.log")
    return engine.EngineSettings(engine="spark", master="local[2]", config=UTC, roots=(lake,), log=log)


@pytest.fixture(scope="module", params=["sail", pytest.param("spark", marks=pytest.mark.spark)])
def engine_name(request: pytest.FixtureRequest, spark, server: Server) -> Iterator[str]:
    """Each engine in turn, configured for the buckets."""
    engine.configure(SAIL if request.param == "sail" else request.getfixturevalue("on_spark"))
    yield request.param
    engine.configure(SAIL)


@pytest.fixture
def place(lake: str) -> str:
    """A new path in the bucket."""
    return f"{lake}/{uuid4().hex}"


@pytest.fixture
def table(place: str) -> Callable[..., DeltaDataset]:
    """Return a function that creates datasets of the same table, in any mode."""

    def make(mode: str = "merge", **settings) -> DeltaDataset:
        keys = {"keys": ["k"]} if mode in {"merge", "insert"} else {}
        return DeltaDataset(path=f"{place}/table", zone="bronze", mode=mode, **keys | settings)

    return make


@pytest.fixture
def rows() -> Callable:
    """Return a function that creates a frame on the current engine from tuples."""
    return lambda *found, schema=SCHEMA: engine.session().createDataFrame(list(found), schema)


@pytest.fixture
def stored(place: str) -> Callable[[], list[tuple]]:
    """Return a function that reads the rows of that table with delta-rs, sorted."""

    def read() -> list[tuple]:
        columns = DeltaTable(f"{place}/table").to_pyarrow_table().to_pydict().values()
        return sorted(zip(*columns, strict=True), key=str)

    return read
