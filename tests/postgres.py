"""A real PostgreSQL server for tests, from the machine's own package (Debian: postgresql)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["installed", "running"]


def installed() -> Path | None:
    """The folder of the newest server's programs; None if there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    own = shutil.which("initdb")
    return found[-1].parent if found else Path(own).parent if own else None


@contextmanager
def running() -> Iterator[str]:
    """Run a server with an empty database for the duration of a block. Yields the database's SQLAlchemy URL."""
    programs = installed()
    assert programs is not None
    # The server refuses to run as root. Debian's package has a user for it.
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="pg") as home:  # short: the path of a socket has at most 107 characters
        if user is not None:
            os.chown(home, user, -1)
        data = f"{home}/data"

        def command(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs / program, "-D", data, *arguments], check=True, user=user, cwd=home, stdout=subprocess.DEVNULL
            )

        command("initdb", "-U", "podium", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
        command("pg_ctl", "-w", "-o", options, "-l", f"{home}/log", "start")
        try:
            yield f"postgresql+psycopg://podium@127.0.0.1:{port}/postgres"
        finally:
            command("pg_ctl", "-w", "-m", "immediate", "stop")
