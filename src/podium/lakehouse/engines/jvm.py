"""Start the JVM of a Spark driver without fork(), because gRPC's fork handlers can kill the child process."""

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyspark
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.serializers import UTF8Deserializer, read_int

from podium.private_names import CONNECTION_FILE

__all__ = ["launch"]

# Run a command in a shell that ignores Ctrl-C. A process inherits ignored signals, so Ctrl-C cannot end the
# JVM before Python has shut it down.
WITHOUT_CTRL_C = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh")
PAUSE = 0.1


def launch(config: Mapping[str, str], sink: IO[bytes]) -> Any:
    """Start a JVM whose output goes to ``sink``, and connect to it.

    PySpark 4.2 passes a preexec_fn when it starts the JVM, so Python calls fork(). The fork handlers of gRPC then run
    in the child and sometimes kill it, because gRPC's threads exist only in the parent. Without a preexec_fn, Python
    on Linux calls vfork(), which runs no fork handlers. So this function starts the JVM, and PySpark only connects to
    it.

    Returns:
        PySpark's gateway. Its ``proc`` is the JVM's process, which ends when this process ends.

    Raises:
        PySparkRuntimeError: the JVM ended before it accepted a connection.
    """
    with tempfile.TemporaryDirectory() as folder:
        connection = Path(folder, "connection")
        process = _start(config, sink, connection)
        # Wait for the file: Spark writes it under another name and then renames it, so it is complete once it exists.
        while process.poll() is None and not connection.exists():
            time.sleep(PAUSE)
        if not connection.exists():
            raise PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})
        with connection.open("rb") as info:
            port, secret = read_int(info), UTF8Deserializer().loads(info)  # type: ignore[no-untyped-call]
    with _variables(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret):
        gateway: Any = launch_gateway()  # type: ignore[no-untyped-call]
    gateway.proc = process
    return gateway


def _start(config: Mapping[str, str], sink: IO[bytes], connection: Path) -> subprocess.Popen[bytes]:
    """Start spark-submit and return its process, which becomes the JVM. The JVM exits when its stdin is closed."""
    home = os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent
    settings = [word for name, value in config.items() for word in ("--conf", f"{name}={value}")]
    # Pass on the user's PYSPARK_SUBMIT_ARGS, as PySpark does.
    submitted = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell"))
    return subprocess.Popen(
        [*WITHOUT_CTRL_C, str(Path(home, "bin", "spark-submit")), *settings, *submitted],
        env={**os.environ, "SPARK_CONNECT_MODE": "0", CONNECTION_FILE: str(connection)},
        stdin=subprocess.PIPE,
        stdout=sink,
        stderr=sink,
    )


@contextmanager
def _variables(**values: str) -> Iterator[None]:
    """Set environment variables inside a with block, and restore their earlier values after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
