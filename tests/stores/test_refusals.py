"""An unusable store gives one clear error within a minute, and nothing is written."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from podium.lakehouse import buckets, engine
from podium.lakehouse.engines.jars import jar_settings, packages
from podium.lakehouse.engines.stores import complete, store_settings, stores
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import Folder
from podium.lakehouse.landing import Landing
from podium.lakehouse.table import DeltaDataset
from tests.conftest import SAIL
from tests.stores.server import STRANGER


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


TROUBLES = {
    "closed": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        "No object store answers at http://127.0.0.1:9 .*ENDPOINT_URL",
    ),
    "unknown": ({"AWS_ENDPOINT_URL": "http://store.invalid"}, "No object store answers at http://store.invalid"),
    "silent": ({}, "No object store answers"),
    "wrong key": ({"AWS_ACCESS_KEY_ID": STRANGER}, "refuses the key for s3://lake.*AWS_SECRET_ACCESS_KEY"),
    "missing bucket": ({}, "There is no bucket meer .*Create it, or name another root"),
}


@pytest.mark.parametrize("what", TROUBLES)
def test_an_unusable_store_is_refused(what, lake, spark, rows, silent_server, monkeypatch, tmp_path):
    variables, message = TROUBLES[what]
    variables = {"AWS_ENDPOINT_URL": silent_server} if what == "silent" else variables
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(buckets, "_good", set())
    assert buckets.ATTEMPTS * (buckets.CONNECT_SECONDS + buckets.ANSWER_SECONDS) < 45
    monkeypatch.setattr(buckets, "ANSWER_SECONDS", 2)
    root = "s3://meer/podium" if what == "missing bucket" else f"{lake}/podium"

    began = time.monotonic()
    with pytest.raises(LakehouseError, match=message):
        DeltaDataset(path=f"{root}/refused", zone="bronze", mode="append").save(rows((1, "a")))
    if what != "silent":
        with pytest.raises(LakehouseError, match=message):
            Landing(f"{root}/landing")

    assert time.monotonic() - began < 60
    monkeypatch.undo()
    assert not Folder(lake).has("podium")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "answers with HTTP status 400 for s3://lake/podium"),
        (401, "refuses the key"),
        (403, "refuses the key"),
        (404, "There is no bucket lake"),
        (409, "answers with HTTP status 409"),
        (503, "answers with HTTP status 503"),
    ],
)
def test_each_http_status_gives_its_own_message(status, message, monkeypatch):
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815  http.server requires this name

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            monkeypatch.setenv(name, "any")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store.server_port}")
        told = buckets.trouble("s3://lake/podium")
        store.shutdown()

    assert message in told


@pytest.mark.spark
def test_a_connect_server_that_would_overwrite_commits_is_refused(local_cluster, spark):
    remote = local_cluster.addresses.connect
    unsafe = engine.EngineSettings(engine="connect", remote=remote, roots=("s3://lake/podium",))
    engine.configure(unsafe)
    try:
        with pytest.raises(LakehouseError, match=r"--jars \S+s3-commits.jar --conf spark.delta.logStore.s3.impl="):
            engine.session()
    finally:
        engine.configure(SAIL)


def test_a_good_bucket_is_checked_once(lake, monkeypatch):
    buckets.require_bucket(f"{lake}/one")
    monkeypatch.setattr(buckets, "trouble", lambda url: pytest.fail("the bucket was checked again"))

    buckets.require_bucket(f"{lake}/two")


SETS = {
    "own server": (
        {"AWS_ENDPOINT_URL": "http://10.0.0.1:9000"},
        {"AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"},
    ),
    "own server, encrypted": ({"AWS_ENDPOINT_URL": "https://10.0.0.1"}, {"AWS_REGION": "us-east-1"}),
    "own server with a region": (
        {"AWS_ENDPOINT_URL": "https://10.0.0.1", "AWS_DEFAULT_REGION": "north"},
        {"AWS_REGION": "north"},
    ),
    "Amazon": ({"AWS_REGION": "eu-central-1"}, {}),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize("what", SETS)
def test_implied_variables_are_added(what):
    given, added = SETS[what]
    environment = dict(given)

    complete(environment)
    complete(environment)

    assert environment == given | added


def test_the_settings_of_spark_contain_no_secret(server, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "podium-token")

    said = " ".join(f"{name}={value}" for name, value in store_settings(["s3"]).items())

    assert "podium-secret" not in said
    assert "podium-token" not in said
    assert store_settings(["gs"]) == {}


def test_each_store_adds_only_its_own_jars():
    roots = engine.EngineSettings(engine="sail", roots=("s3://a/b", "/data/x", "uc://main")).roots

    assert stores(roots) == ("s3",)
    assert not [name for name in packages(stores(roots)) if "bundle" in name]
    assert stores(["abfss://a@b/c", "abfs://a@b", "gs://x"]) == ("abfss", "gs")
    assert packages(stores(["/data"])) == packages()


def test_a_folder_of_jars_can_use_the_file_names_of_ivy(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_JARS", str(tmp_path))
    for name in packages(["s3"])[1:]:
        group, artifact, version = name.split(":")
        (tmp_path / f"{group}_{artifact}-{version}.jar").touch()

    with pytest.raises(LakehouseError, match=r"lacks delta-spark_\S+.jar\."):
        jar_settings(["s3"])
    (tmp_path / f"{packages()[0].split(':')[1]}-{packages()[0].split(':')[2]}.jar").touch()

    assert jar_settings(["s3"])["spark.jars"].endswith("s3-commits.jar")
    assert "spark.jars.packages" not in jar_settings(["s3"])
