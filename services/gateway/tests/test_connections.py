"""Kept connections: used again while they live, given up when nobody needs them."""

import asyncio

import httpcore
import pytest

from gateway import connections
from gateway.routing import Service
from gateway.testing import FakeService

Fakes = dict[Service, FakeService]


async def test_a_burst_s_connections_are_given_up_when_it_is_over(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    port = int(services[Service.CATALOG].url.rsplit(":", 1)[1])
    kept = connections.Connections("127.0.0.1", port)
    url = httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=port, target=b"/")
    request = httpcore.Request(b"GET", url, headers=[(b"host", b"x")])

    async def use(connection: httpcore.AsyncHTTP11Connection) -> None:
        response = await connection.handle_async_request(request)
        await response.aread()
        await response.aclose()
        await kept.give_back(connection)

    burst = [await kept.take() for _ in range(5)]
    for connection in burst:
        await use(connection)
    await asyncio.sleep(0.1)
    for _ in range(6):
        await use(await kept.take())

    assert sum(connection.is_closed() for connection in burst) == 5
    await kept.aclose()
