"""Kept connections: used again while they live, given up when nobody needs them."""

import asyncio

import pytest

from gateway import connections
from gateway.connections import Connection, Connections
from gateway.routing import Service
from gateway.testing import FakeService

Fakes = dict[Service, FakeService]
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def test_a_burst_s_connections_are_given_up_when_it_is_over(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    kept = Connections("127.0.0.1", int(services[Service.CATALOG].url.rsplit(":", 1)[1]))

    async def use(connection: Connection) -> None:
        assert await connection.ask(GET, head=False).wait(5) == b"{}"
        kept.give_back(connection)

    burst = [await kept.take() for _ in range(5)]
    for connection in burst:
        await use(connection)
    await asyncio.sleep(0.1)
    for _ in range(6):
        await use(await kept.take())

    assert sum(connection.closed for connection in burst) == 5
    kept.close()
