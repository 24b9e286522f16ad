"""Services that are away, slow, cut off or broken: 503 with a reason, and nothing done twice."""

import asyncio
import json

import pytest

from gateway.app import create_app
from gateway.config import Settings
from gateway.routing import Service
from gateway.testing import Answered, FakeService, Received, Running, Script, answer, running

Fakes = dict[Service, FakeService]
POST = b"POST /api/v1/stores HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"
PROBLEM = b"Content-Type: application/problem+json\r\n"


def assert_unavailable(answered: Answered) -> None:
    """The one refusal of this file."""
    assert answered.status == 503
    assert json.loads(answered.body)["type"] == "/problems/unavailable"
    assert answered.header("retry-after") == b"1"
    assert answered.header("content-type") == b"application/problem+json"


async def die(_: Received, writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""
    writer.close()


async def die_halfway(_: Received, writer: asyncio.StreamWriter) -> None:
    """Promise ten bytes, give four, hang up."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234")
    writer.close()


async def stall(_: Received, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(60)


async def stall_halfway(_: Received, writer: asyncio.StreamWriter) -> None:
    """Promise ten bytes, give four, no more."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234")
    await asyncio.sleep(60)


async def talk_nonsense(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answer in another language."""
    writer.write(b"220 smtp.example ESMTP\r\n")
    writer.close()


async def crash(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answer as a server does whose application failed."""
    kind = b"Content-Type: text/plain\r\n"
    writer.write(answer(b"Traceback", status=b"500 Internal Server Error", fields=kind))


@pytest.mark.parametrize("script", [die, die_halfway, stall, stall_halfway, talk_nonsense, crash])
@pytest.mark.parametrize("raw", [POST, b"GET /api/v1/stores HTTP/1.1\r\nHost: g\r\n\r\n"])
async def test_a_service_that_fails_is_unavailable(
    impatient: Running, services: Fakes, script: Script, raw: bytes
) -> None:
    services[Service.CATALOG].script = script

    assert_unavailable(await impatient.ask(raw))


@pytest.mark.parametrize("script", [die, die_halfway, stall])
async def test_what_may_have_been_done_is_not_asked_again(
    impatient: Running, services: Fakes, script: Script
) -> None:
    services[Service.CATALOG].script = script

    await impatient.ask(POST)

    assert len(services[Service.CATALOG].received) == 1


async def test_a_read_is_asked_again_once(gateway: Running, services: Fakes) -> None:
    async def die_once(_: Received, writer: asyncio.StreamWriter) -> None:
        services[Service.CATALOG].script = say_fine
        writer.close()

    async def say_fine(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b'"fine"'))

    services[Service.CATALOG].script = die_once

    answered = await gateway.get("/api/v1/stores")

    assert (answered.status, answered.body) == (200, b'"fine"')
    assert len(services[Service.CATALOG].received) == 2


async def test_a_read_is_not_asked_a_third_time(gateway: Running, services: Fakes) -> None:
    services[Service.CATALOG].script = die

    assert_unavailable(await gateway.get("/api/v1/stores"))
    assert len(services[Service.CATALOG].received) == 2


async def test_a_service_s_own_5xx_problem_is_passed_on(gateway: Running, services: Fakes) -> None:
    async def say_unavailable(_: Received, writer: asyncio.StreamWriter) -> None:
        fields = PROBLEM + b"Retry-After: 7\r\n"
        body = b'{"type":"/problems/unavailable","detail":"no broker"}'
        writer.write(answer(body, status=b"503 Service Unavailable", fields=fields))

    services[Service.CATALOG].script = say_unavailable

    answered = await gateway.get("/api/v1/stores")

    assert answered.status == 503
    assert json.loads(answered.body)["detail"] == "no broker"
    assert answered.header("retry-after") == b"7"


async def test_a_long_answer_that_breaks_off_breaks_the_connection(
    gateway: Running, services: Fakes
) -> None:
    async def break_off(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 2_000_000)
        writer.close()

    services[Service.SETTLEMENT].script = break_off

    with pytest.raises(ConnectionError):
        await gateway.get("/api/v1/reports/receivables")

    assert (await gateway.get("/api/v1/stores")).status == 200


async def test_a_service_that_is_down_is_unavailable_and_welcome_back(
    settings: Settings, services: Fakes
) -> None:
    nobody = settings.model_copy(update={"catalog_url": "http://127.0.0.1:1"})
    async with running(create_app(nobody)) as gateway:
        assert_unavailable(await gateway.get("/api/v1/stores"))
        assert_unavailable(await gateway.ask(POST))
        assert (await gateway.get("/api/v1/pos/change")).status == 200


async def test_time_outs_and_deaths_leave_no_place_taken(
    impatient: Running, services: Fakes
) -> None:
    services[Service.CATALOG].script = stall
    stalled = await asyncio.gather(*(impatient.get("/api/v1/stores") for _ in range(8)))
    services[Service.CATALOG].script = die
    died = await asyncio.gather(*(impatient.get("/api/v1/stores") for _ in range(8)))
    services[Service.CATALOG].script = FakeService().script

    answered = await asyncio.gather(*(impatient.get("/api/v1/stores") for _ in range(8)))

    assert {each.status for each in stalled + died} == {503}
    assert {each.status for each in answered} == {200}


async def test_a_kept_connection_that_the_service_closed_is_not_used_again(
    gateway: Running, services: Fakes
) -> None:
    async def answer_and_leave(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"{}"))
        await writer.drain()
        writer.close()

    services[Service.CATALOG].script = answer_and_leave

    statuses: list[int] = []
    for _ in range(3):
        statuses.append((await gateway.ask(POST)).status)
        await asyncio.sleep(0.05)  # the end of the connection has arrived by then

    assert statuses == [200, 200, 200]
    assert services[Service.CATALOG].connections == 3
