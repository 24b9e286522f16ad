"""Free TCP ports on loopback that stay ours while their server is down."""

import random
import socket
from pathlib import Path

LOWEST = 18_000
LINUX_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Return `count` distinct ports that nothing listens on, below the ephemeral range.

    The kernel hands ephemeral ports to outgoing connections: a client that reconnects to a dead
    server on such a port can meet itself there, and then holds the port against the restart.

    Raises: RuntimeError if there are not that many.
    """
    highest = _first_ephemeral_port() - 1
    candidates = list(range(min(LOWEST, highest - 10_000), highest))
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if _is_free(port):
            found.append(port)
    if len(found) < count:
        raise RuntimeError(f"{count} free ports wanted, {len(found)} found below {highest}")
    return found


def free_port() -> int:
    """Return one free port on loopback."""
    return free_ports(1)[0]


def _first_ephemeral_port() -> int:
    try:
        return int(LINUX_EPHEMERAL_RANGE.read_text().split()[0])
    except OSError:
        return 32_768


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
