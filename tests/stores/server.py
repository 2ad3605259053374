"""An S3 server in a separate process: moto's server, plus guarantees of a real store that moto lacks.

It cannot run in a thread of the test process, because delta-rs holds the GIL while it waits for an answer.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote
from urllib.request import Request, urlopen

KEY, SECRET, STRANGER = "podium", "podium-secret", "stranger"
CONTROL = "/-/"


class Server:
    """A test's interface to a running server."""

    def __init__(self, url: str):
        self.url = url

    def make_bucket(self, name: str) -> str:
        """Create a bucket and return its URL."""
        self._ask(f"/{name}", method="PUT")
        return f"s3://{name}"

    def commits(self) -> list[tuple[str, str]]:
        """The keys and response statuses of all conditional writes (If-None-Match)."""
        return [(key, status) for key, status in json.loads(self._ask(f"{CONTROL}commits"))]

    def lose_an_answer(self, key: str) -> None:
        """Let the next conditional write whose key contains ``key`` succeed, but answer with an error."""
        self._ask(f"{CONTROL}lose?key={key}")

    def _ask(self, path: str, method: str = "GET") -> bytes:
        with urlopen(Request(f"{self.url}{path}", method=method), timeout=30) as answer:
            return answer.read()


@contextmanager
def running() -> Iterator[Server]:
    """Start a server on a free port of the loopback interface."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield Server(process.stdout.readline().strip())
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stdout.close()


class Strict:
    """Moto's application, made as strict as a real store."""

    def __init__(self, application: Callable):
        self._application = application
        self._one_at_a_time = threading.Lock()
        self._commits: list[tuple[str, str]] = []
        self._lose: str | None = None

    def __call__(self, environ: dict[str, Any], start: Callable) -> Any:
        if environ["PATH_INFO"].startswith(CONTROL):
            return self._controlled(environ, start)
        if STRANGER in environ.get("HTTP_AUTHORIZATION", ""):
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>InvalidAccessKeyId</Code><Message>There is no such key.</Message></Error>"]
        if "HTTP_IF_NONE_MATCH" in environ and environ["REQUEST_METHOD"] in {"PUT", "POST"}:
            return self._written_on_condition(environ, start)
        return self._application(environ, start)

    def _controlled(self, environ: dict[str, Any], start: Callable) -> Any:
        if environ["PATH_INFO"].endswith("lose"):
            self._lose = parse_qs(environ["QUERY_STRING"])["key"][0]
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self._commits).encode()]

    def _written_on_condition(self, environ: dict[str, Any], start: Callable) -> Any:
        """Handle requests one at a time, because moto's check and write of an object are not atomic."""
        key, said = unquote(environ["PATH_INFO"]), []
        with self._one_at_a_time:
            body = list(self._application(environ, lambda *answer: said.append(answer)))
            self._commits.append((key, said[0][0][:3]))
            if self._lose and self._lose in key:
                self._lose = None
                start("500 Internal Server Error", [])
                return []
        start(*said[0])
        return body


def main() -> None:
    """Serve until standard input ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Strict(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
