"""The OpenLineage events that a run sends and stores, even if the run fails or no collector answers."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import mlflow
import pytest
from mlflow import MlflowClient

from podium.errors import PodiumError
from podium.lineage.recorder import client
from tests.conftest import Project
from tests.lineage.conftest import Lived


def sent(data: Path) -> list[dict]:
    file = data / "dev" / "lineage" / "events.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def newest(pipeline: str):
    (run,) = mlflow.search_runs(
        search_all_experiments=True,
        filter_string=f"attributes.run_name = '{pipeline}'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    return run


def test_every_start_event_has_one_end_event(lived: Lived):
    kinds = Counter((event["run"]["runId"], event["eventType"]) for event in sent(lived.project.data))
    assert set(kinds.values()) == {1}
    began = {run for run, kind in kinds if kind == "START"}
    assert began == {run for run, kind in kinds if kind in {"COMPLETE", "FAIL"}}
    assert len(began) > 100


def test_the_run_id_of_an_event_is_that_of_the_mlflow_run(lived: Lived):
    run = MlflowClient().get_model_version_by_alias("flight_delay", "champion").run_id
    events = [event for event in sent(lived.project.data) if event["run"]["runId"] == str(UUID(run))]
    assert [event["job"]["name"] for event in events] == ["training", "training"]
    tags = {tag["key"]: tag["value"] for tag in events[-1]["run"]["facets"]["tags"]["tags"]}
    assert (tags["env"], tags["engine"]) == ("dev", "sail")
    assert tags["as_of"].startswith("2013-04-09")
    assert events[-1]["run"]["facets"]["processing_engine"]["name"] == "Sail"
    children = [e for e in sent(lived.project.data) if "parent" in e["run"]["facets"]]
    mine = [e for e in children if e["run"]["facets"]["parent"]["run"]["runId"] == str(UUID(run))]
    assert len(mine) == 2 * 8


def test_the_stored_events_are_those_that_were_sent(lived: Lived):
    run = MlflowClient().get_model_version_by_alias("flight_delay", "champion").run_id
    kept = mlflow.artifacts.load_dict(f"runs:/{run}/lineage.json")["events"]
    by_run = {(event["run"]["runId"], event["eventType"]): event for event in sent(lived.project.data)}
    for event in kept:
        told = by_run[event["run"]["runId"], event["eventType"]]
        assert (told["inputs"], told["outputs"]) == (event["inputs"], event["outputs"])


@pytest.fixture(scope="module")
def fresh(new_project, lived: Lived) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        project = new_project(lived.source)
        patch.setenv("PODIUM_DATA", str(project.data))
        yield project


def fail(project: Project) -> None:
    """Run a pipeline that fails after ingestion has written its tables."""
    with pytest.raises(PodiumError, match="is too early: the data"):
        project.run("feature_engineering", as_of="2011-01-01")


def test_a_failed_run_records_the_tables_that_it_wrote(fresh: Project):
    fail(fresh)
    run = newest("feature_engineering")
    assert run.info.status == "FAILED"
    assert run.data.tags["podium.wrote.flights.bronze_weather"].startswith("1@")
    events = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/lineage.json")["events"]
    failed = {event["job"]["name"]: event for event in events if event["eventType"] == "FAIL"}
    assert len(failed) == 2  # the run, and the node
    assert "is too early: the data" in failed["feature_engineering"]["run"]["facets"]["errorMessage"]["message"]
    assert Counter(event["eventType"] for event in sent(fresh.data))["FAIL"] == 2


class Collector(BaseHTTPRequestHandler):
    """A collector that accepts events, or answers with an error."""

    received: ClassVar[list[dict]] = []
    answer = 201

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(json.loads(body))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.mark.parametrize("answer", [201, 500])
def test_events_go_to_a_collector_and_its_errors_do_not_fail_the_run(fresh: Project, monkeypatch, caplog, answer: int):
    monkeypatch.setattr(Collector, "received", [])
    monkeypatch.setattr(Collector, "answer", answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    transport = {"type": "http", "url": f"http://127.0.0.1:{server.server_port}", "retry": {"total": 0}}
    monkeypatch.setattr("podium.lineage.recorder.client", lambda _, env: client({"transport": transport}, env))
    try:
        with caplog.at_level(logging.WARNING):
            fail(fresh)
    finally:
        server.shutdown()
    kept = mlflow.artifacts.load_dict(f"runs:/{newest('feature_engineering').info.run_id}/lineage.json")["events"]
    warnings = [record for record in caplog.records if "cannot be sent" in record.getMessage()]
    if answer == 201:
        assert {e["run"]["runId"] for e in kept} == {e["run"]["runId"] for e in Collector.received}
        assert not warnings
    else:
        assert len(Collector.received) == len(warnings) == 1, "a run must stop sending after the first failure"
        assert len(kept) > 10


@pytest.mark.parametrize(
    "config", [{"transport": {"type": "fax"}}, {"transport": {"type": "http"}}, {"transport": {"type": "file"}}]
)
def test_an_invalid_transport_is_refused(config: dict):
    with pytest.raises(
        PodiumError, match=r"Nothing was run: OpenLineage refuses the transport in lineage\.yml of prod"
    ):
        client(config, "prod")
