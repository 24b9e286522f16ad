"""Free TCP ports on loopback that stay ours while their server is down."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 18_000
LINUX_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int, *, kept: bool = True) -> list[int]:
    """Return `count` distinct ports that nothing listens on, below the ephemeral range.

    The kernel hands ephemeral ports to outgoing connections: a client that reconnects to a dead
    server on such a port can meet itself there, and then holds the port against the restart.

    They are `kept` until this process ends: a socket of ours is bound to each and never listens,
    so that it is free to our servers (all of which set SO_REUSEADDR, as it does) and to no other
    house that looks for ports, before the first start and between a death and a restart. Not so
    for a server that may bind without that option.

    Raises: RuntimeError if there are not that many.
    """
    highest = _first_ephemeral_port() - 1
    candidates = list(range(min(LOWEST, highest - 10_000), highest))
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if _is_free(port, keep=kept):
            found.append(port)
    if len(found) < count:
        raise RuntimeError(f"{count} free ports wanted, {len(found)} found below {highest}")
    return found


def free_port(*, kept: bool = True) -> int:
    """Return one free port on loopback, `kept` as those of `free_ports`."""
    return free_ports(1, kept=kept)[0]


def keep_port(port: int) -> None:
    """Keep a port that others have chosen for us. Raises: OSError if something listens on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as keeper:
        # What its server of a moment ago left behind, or who asked us to listen there, may share.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((LOOPBACK, port))
        keeper.detach()


def _first_ephemeral_port() -> int:
    try:
        return int(LINUX_EPHEMERAL_RANGE.read_text().split()[0])
    except OSError:
        return 32_768


def _is_free(port: int, *, keep: bool) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        if keep:  # shared from now on, not before: of two that come at once, one gets it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.detach()
    return True
