"""What a client gets back of a service's answer: all of it, as it was said."""

import asyncio

import pytest

from gateway.routing import Service
from gateway.testing import FakeService, Received, Running, answer

Fakes = dict[Service, FakeService]


async def test_a_service_s_answer_comes_back_as_it_is(gateway: Running, services: Fakes) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        fields = (
            b"Content-Type: text/csv\r\nIdempotent-Replayed: true\r\nX-Name: caf\xe9\r\n"
            b"Connection: keep-alive\r\nServer: hidden\r\nCache-Control: max-age=5\r\n"
        )
        writer.write(answer(b"a,b\n\xff", status=b"201 Created", fields=fields))

    services[Service.SETTLEMENT].script = script

    answered = await gateway.get("/api/v1/reports/receivables")

    assert (answered.status, answered.body) == (201, b"a,b\n\xff")
    assert answered.header("content-type") == b"text/csv"
    assert answered.header("idempotent-replayed") == b"true"
    assert answered.header("x-name") == b"caf\xe9"
    assert answered.header("cache-control") == b"max-age=5"
    assert answered.header("server") is None
    assert answered.header("x-content-type-options") == b"nosniff"
    assert answered.header("x-frame-options") == b"DENY"


async def test_a_long_answer_streams_through(gateway: Running, services: Fakes) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"0123456789" * 500_000))

    services[Service.SETTLEMENT].script = script

    answered = await gateway.get("/api/v1/reports/receivables")

    assert answered.body == b"0123456789" * 500_000


async def test_a_chunked_answer_comes_back_whole(gateway: Running, services: Fakes) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/csv\r\n\r\n"
        writer.write(head + b"3\r\na,b\r\n1\r\n\n\r\n0\r\n\r\n")

    services[Service.SETTLEMENT].script = script

    answered = await gateway.get("/api/v1/reports/receivables")

    assert answered.body == b"a,b\n"


async def test_an_answer_to_head_says_a_length_and_has_no_body(
    gateway: Running, services: Fakes
) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    services[Service.CATALOG].script = script
    client = await gateway.connect()

    await client.send(b"HEAD /api/v1/stores HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
    said = await client.until_closed()
    await client.close()

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 1000\r\n" in said
    assert said.endswith(b"\r\n\r\n")
    assert services[Service.CATALOG].last.line == b"HEAD /api/v1/stores HTTP/1.1"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_stays_without(
    gateway: Running, services: Fakes, status: bytes
) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")

    services[Service.IDENTITY].script = script
    raw = b"POST /api/v1/auth/logout HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"

    answered = await gateway.ask(raw)

    assert (answered.status, answered.body) == (int(status[:3]), b"")
    assert answered.header("transfer-encoding") is None
