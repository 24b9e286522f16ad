"""What is too much: bodies, heads, time and crowds. Each gets a readable refusal."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from gateway.app import create_app
from gateway.config import Settings
from gateway.routing import Service
from gateway.testing import Answered, FakeService, Received, Running, answer, running

Fakes = dict[Service, FakeService]
POST = b"POST /api/v1/pos/change HTTP/1.1\r\nHost: g\r\n"
GET = b"GET /api/v1/stores HTTP/1.1\r\nHost: g\r\n\r\n"
MEBIBYTE = 1024 * 1024


def slug(answered: Answered) -> str:
    """Return the slug of a problem."""
    return str(json.loads(answered.body)["type"]).removeprefix("/problems/")


def sized(length: int, fields: bytes = b"") -> bytes:
    """Return the head of a POST whose body has `length` bytes."""
    return POST + fields + b"Content-Length: %d\r\n\r\n" % length


async def test_a_body_of_one_mebibyte_passes(gateway: Running, services: Fakes) -> None:
    answered = await gateway.ask(sized(MEBIBYTE) + b"x" * MEBIBYTE)

    assert answered.status == 200
    assert len(services[Service.WALLET_LEDGER].last.body) == MEBIBYTE


async def test_one_byte_more_is_refused(gateway: Running, services: Fakes) -> None:
    answered = await gateway.ask(sized(MEBIBYTE + 1) + b"x" * (MEBIBYTE + 1))

    assert (answered.status, slug(answered)) == (413, "payload-too-large")
    assert services[Service.WALLET_LEDGER].received == []


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_ten_megabytes_get_a_readable_refusal(gateway: Running, close: bytes) -> None:
    answered = await gateway.ask(sized(10_000_000, close) + b"x" * 10_000_000)

    assert (answered.status, slug(answered)) == (413, "payload-too-large")


async def test_ten_megabytes_in_chunks_get_one_too_and_the_connection_lives(
    gateway: Running,
) -> None:
    client = await gateway.connect()
    chunks = b"".join(b"186a0\r\n" + b"x" * 100_000 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"

    await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    refused = await client.answer()
    await client.send(GET)
    answered = await client.answer()

    assert (refused.status, slug(refused)) == (413, "payload-too-large")
    assert answered.status == 200
    await client.close()


async def test_who_waits_for_100_continue_is_refused_before_he_sends(gateway: Running) -> None:
    client = await gateway.connect()

    await client.send(sized(10_000_000, b"Expect: 100-continue\r\n"))
    refused = await client.answer()

    assert (refused.status, slug(refused)) == (413, "payload-too-large")
    assert refused.header("connection") == b"close"
    assert await client.until_closed() == b""
    await client.close()


async def test_a_body_that_never_ends_is_not_waited_for(impatient: Running) -> None:
    client = await impatient.connect()

    await client.send(sized(1000) + b"x")
    refused = await client.answer()

    assert (refused.status, slug(refused)) == (422, "invalid-request")
    assert await client.until_closed() == b""
    await client.close()


async def test_who_hangs_up_in_his_body_disturbs_nobody(gateway: Running, services: Fakes) -> None:
    client = await gateway.connect()
    await client.send(sized(1000) + b"x")
    await client.close()

    assert (await gateway.ask(GET)).status == 200
    assert services[Service.WALLET_LEDGER].received == []


async def test_many_fields_are_refused(gateway: Running, services: Fakes) -> None:
    answered = await gateway.get("/api/v1/stores", f"X-Long: {'x' * 40_000}\r\n")

    assert (answered.status, slug(answered)) == (422, "invalid-request")
    assert services[Service.CATALOG].received == []


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/v1/stores HTTP/1.1\r\nX-Endless: ",
        b"GET /api/v1/stores?",
    ],
)
async def test_a_head_without_end_is_cut_off(gateway: Running, head: bytes) -> None:
    client = await gateway.connect()

    await client.send(head + b"x" * 200_000)
    answered = await client.answer()

    assert answered.status == 400
    await client.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET /api/v1/\xff HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET /api/v1/stores HTTP/1.1\r\nHost: g\r\nX: a\x00b\r\n\r\n",
        b"GET /api/v1/stores HTTP/1.1\r\nHost: g\r\nX Y: a\r\n\r\n",
        b"POST /api/v1/stores HTTP/1.1\r\nHost: g\r\nContent-Length: x\r\n\r\n",
        b"POST /api/v1/stores HTTP/1.1\r\nHost: g\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/stores HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_a_client_s_fault(
    gateway: Running, services: Fakes, raw: bytes
) -> None:
    answered = await gateway.ask(raw)

    assert 400 <= answered.status < 500
    assert services[Service.CATALOG].received == []


async def test_a_full_service_does_not_take_the_others_along(
    gateway: Running, services: Fakes
) -> None:
    arrived, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def wait(_: Received, writer: asyncio.StreamWriter) -> None:
        arrived.release()
        await go_on.wait()
        writer.write(answer(b"{}"))

    services[Service.CATALOG].script = wait
    async with AsyncExitStack() as stack:
        for _ in range(8):
            client = await gateway.connect()
            stack.push_async_callback(client.close)
            await client.send(GET)
            await arrived.acquire()

        refused = await gateway.ask(GET)
        elsewhere = await gateway.get("/api/v1/reports/receivables")
        go_on.set()

    assert (refused.status, slug(refused)) == (503, "unavailable")
    assert refused.header("retry-after") == b"1"
    assert elsewhere.status == 200


async def test_beyond_the_bound_on_everything_the_answer_is_503(settings: Settings) -> None:
    narrow = settings.model_copy(update={"gateway_open_max": 1, "gateway_body_seconds_max": 1.0})
    async with running(create_app(narrow)) as gateway:
        client = await gateway.connect()
        await client.send(sized(1000) + b"x")  # takes the only place until its time is over
        refused = await gateway.ask(GET)
        await client.answer()
        later = await gateway.ask(GET)
        await client.close()

    assert (refused.status, slug(refused)) == (503, "unavailable")
    assert later.status == 200
