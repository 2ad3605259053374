"""Parse the addresses of clusters, and check whether a server answers at an address."""

import re
import socket

__all__ = ["answers", "host_and_port"]

ADDRESS = re.compile(r"^\w+://(\[[^\]]+\]|[^:/;,]*)(?::(\d+))?")
PORTS = {"sc": 15002, "spark": 7077}
SECONDS = 5


def host_and_port(address: str) -> tuple[str, int]:
    """Parse the host and port of ``sc://host:port/…`` or ``spark://host:port``. Of several masters, use the first."""
    found = ADDRESS.match(address)
    if found is None:
        return "", 0
    return found[1].strip("[]"), int(found[2] or PORTS.get(address.partition(":")[0], 0))


def answers(address: str, *, seconds: float = SECONDS) -> bool:
    """Whether a server accepts connections at an address. Spark's own clients would retry for minutes."""
    try:
        socket.create_connection(host_and_port(address), timeout=seconds).close()
    except OSError:
        return False
    return True
