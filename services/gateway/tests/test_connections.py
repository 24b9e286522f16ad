"""Kept connections: used again while they live, given up when nobody needs them."""

import asyncio
from typing import cast

import httpcore
import pytest

from gateway import connections
from gateway.routing import Service
from gateway.testing import FakeService
from kembalian.grounds.ports import free_port

Fakes = dict[Service, FakeService]


async def test_a_burst_s_connections_are_given_up_when_it_is_over(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    port = int(services[Service.CATALOG].url.rsplit(":", 1)[1])
    kept = connections.Connections([("127.0.0.1", port)])
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


async def test_new_connections_go_round_and_past_a_process_that_is_down(services: Fakes) -> None:
    ports = [
        int(services[name].url.rsplit(":", 1)[1]) for name in (Service.CATALOG, Service.IDENTITY)
    ]
    down = free_port()
    kept = connections.Connections([("127.0.0.1", port) for port in (ports[0], down, ports[1])])

    taken = [await kept.take() for _ in range(4)]

    url = httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=ports[0], target=b"/")
    assert [await server_port(connection, url) for connection in taken] == [*ports, *ports]
    for connection in taken:
        await connection.aclose()


async def server_port(connection: httpcore.AsyncHTTP11Connection, url: httpcore.URL) -> int:
    """Ask something and return the port of who answers."""
    asked = httpcore.Request(b"GET", url, headers=[(b"host", b"x")])
    response = await connection.handle_async_request(asked)
    stream = cast("httpcore.AsyncNetworkStream", response.extensions["network_stream"])
    await response.aread()
    await response.aclose()
    return stream.get_extra_info("server_addr")[1]


async def test_a_service_that_is_down_altogether_is_said_to_be(services: Fakes) -> None:
    kept = connections.Connections([("127.0.0.1", free_port()), ("127.0.0.1", free_port())])

    with pytest.raises(httpcore.ConnectError):
        await kept.take()
