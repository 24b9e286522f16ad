"""Ports that stay ours: before a server's first start, and while it is dead."""

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from kembalian.grounds.ports import free_port, free_ports, keep_port

OTHER_HOUSE = """
import sys
from kembalian.grounds import ports
def only_these(candidates):
    candidates[:] = [int(word) for word in sys.argv[1:]]
ports.random.shuffle = only_these
print(*ports.free_ports(1))
"""


def served(port: int) -> socket.socket:
    """Listen as every server of the house does."""
    return socket.create_server(("127.0.0.1", port))


def chosen_elsewhere(*candidates: int) -> int:
    """Return which of these ports another house would choose, which comes upon them in order."""
    words = [sys.executable, "-c", OTHER_HOUSE, *(str(port) for port in candidates)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def test_a_port_is_kept_from_other_houses_until_its_server_starts() -> None:
    ours, free = free_port(), free_ports(5, kept=False)

    assert chosen_elsewhere(ours, *free) in free
    with served(ours) as server:
        assert server.getsockname() == ("127.0.0.1", ours)


def test_a_port_is_kept_while_its_server_is_dead() -> None:
    ours, free = free_port(), free_ports(5, kept=False)
    with served(ours), closing(socket.create_connection(("127.0.0.1", ours))):
        pass

    assert chosen_elsewhere(ours, *free) in free
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ours))
    served(ours).close()


def test_a_house_never_chooses_one_of_its_ports_twice() -> None:
    ours, others, free = free_port(), free_ports(5), free_ports(5, kept=False)

    assert chosen_elsewhere(ours, *others, *free) in free
    assert len({ours, *others}) == 6
    assert not {ours, *others} & {*free}


def test_a_port_that_others_chose_for_us_is_kept_beside_their_hold_on_it() -> None:
    port = free_port()

    keep_port(port)

    served(port).close()


def test_a_port_that_somebody_listens_on_cannot_be_kept() -> None:
    port = free_port()

    with served(port), pytest.raises(OSError, match="already in use"):
        keep_port(port)
