"""Kept connections: used again while they live, given up when nobody needs them."""

import asyncio

import pytest

from gateway import connections
from gateway.connections import Connection, Connections, NotConnected
from gateway.exchange import HELD_BYTES_MAX
from gateway.routing import Service
from gateway.testing import FakeService, Received, answer
from kembalian.grounds.ports import free_port

Fakes = dict[Service, FakeService]
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def address_of(service: FakeService) -> tuple[str, int]:
    """Return host and port."""
    return "127.0.0.1", int(service.url.rsplit(":", 1)[1])


async def test_a_burst_s_connections_are_given_up_when_it_is_over(
    services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    kept = Connections([address_of(services[Service.CATALOG])])

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


async def test_new_connections_go_round_and_past_a_process_that_is_down(services: Fakes) -> None:
    first, second = address_of(services[Service.CATALOG]), address_of(services[Service.IDENTITY])
    kept = Connections([first, ("127.0.0.1", free_port()), second])

    taken = [await kept.take() for _ in range(4)]

    assert [connection.server_port for connection in taken] == [first[1], second[1]] * 2
    for connection in taken:
        connection.abort()


async def test_a_service_that_is_down_altogether_is_said_to_be() -> None:
    kept = Connections([("127.0.0.1", free_port()), ("127.0.0.1", free_port())])

    with pytest.raises(NotConnected):
        await kept.take()


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"{}") + b"HTTP/1.1 200 OK\r\n",  # the next answer, to nobody's request
        answer(b"{}") + b"garbage",
        answer(b"{}", fields=b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_connection_is_not_kept_after_an_answer_that_ends_it(
    services: Fakes, raw: bytes
) -> None:
    service = services[Service.CATALOG]

    async def say(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    service.script = say
    kept = Connections([address_of(service)])
    connection = await kept.take()

    assert await connection.ask(GET, head=False).wait(5) == b"{}"
    kept.give_back(connection)

    assert connection.closed


async def test_what_comes_unasked_closes_the_connection(services: Fakes) -> None:
    service = services[Service.CATALOG]

    async def say_more_later(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"{}"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(answer(b"poison"))

    service.script = say_more_later
    kept = Connections([address_of(service)])
    connection = await kept.take()

    assert await connection.ask(GET, head=False).wait(5) == b"{}"
    kept.give_back(connection)

    async with asyncio.timeout(20):
        while not connection.closed:
            await asyncio.sleep(0.01)


async def test_an_answer_without_a_length_ends_with_its_connection(services: Fakes) -> None:
    service = services[Service.CATALOG]

    async def say_and_leave(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall of it")
        await writer.drain()
        writer.close()

    service.script = say_and_leave
    kept = Connections([address_of(service)])
    exchange = (await kept.take()).ask(GET, head=False)

    assert await exchange.wait(5) == b"all of it"
    assert (exchange.status, exchange.headers) == (200, [])


async def test_no_more_is_read_ahead_than_may_be_held(services: Fakes) -> None:
    service = services[Service.CATALOG]

    async def say_much(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"x" * 30_000_000))

    service.script = say_much
    kept = Connections([address_of(service)])
    connection = await kept.take()
    exchange = connection.ask(GET, head=False)

    held = await exchange.wait(5)
    await asyncio.sleep(0.2)
    sizes: list[int] = []
    while not exchange.over:
        sizes.append(len(await exchange.wait(5)))

    assert HELD_BYTES_MAX <= len(held) < 2 * HELD_BYTES_MAX
    assert len(held) + sum(sizes) == 30_000_000
    assert max(sizes) < HELD_BYTES_MAX
    connection.abort()
