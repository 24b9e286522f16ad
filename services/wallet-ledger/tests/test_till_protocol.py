"""The short way over real connections: what takes it, what does not, and that uvicorn rules on."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from kembalian.grounds.ports import free_port
from wallet_ledger.answers import Answer
from wallet_ledger.arrivals import NotOwner
from wallet_ledger.group import Order
from wallet_ledger.handlers import Then
from wallet_ledger.owners import CardHolder
from wallet_ledger.till_commands import Limits
from wallet_ledger.till_protocol import till_protocol
from wallet_ledger.till_shortcut import Parts
from web.verifier import Principal

TOP_UP = b'{"card_number":"1000","amount":5}'
SECONDS = 30.0
KEEP_ALIVE_SECONDS = 2


@dataclass
class Stand:
    """Stands for verifier, directory and ledger; `orders` took the short way, `long` the other."""

    port: int
    orders: list[Order] = field(default_factory=list[Order])
    long: list[bytes] = field(default_factory=list[bytes])
    waiting: list["asyncio.Future[Answer]"] = field(default_factory=list["asyncio.Future[Answer]"])
    server: uvicorn.Server | None = None
    elsewhere: bool = False
    at_once: bool = True

    def known(self, token: str) -> Principal | None:
        known = Principal("cashier", "kasir-1", store_id="kantin")
        return known if token == "good" else None

    def known_card(self, card_number: str) -> CardHolder | None:
        return CardHolder("w1", True) if card_number == "1000" else None

    def known_state(self, store_id: str) -> str | None:
        return "active" if store_id == "kantin" else None

    def look_up(self, card_number: str) -> "asyncio.Future[CardHolder | None]":
        looking: asyncio.Future[CardHolder | None] = asyncio.get_running_loop().create_future()
        found = CardHolder("w2", True) if card_number == "2000" else None
        if card_number == "3000":
            looking.set_exception(OSError())
        else:
            looking.set_result(found)
        return looking

    def begin_here(self, order: Order, then: Then) -> None:
        if self.elsewhere:
            raise NotOwner("writer/0")
        self.orders.append(order)
        deciding: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append(deciding)
        if self.at_once:
            deciding.set_result(Answer(201, b'{"key":"%s"}' % order.key.encode()))
        deciding.add_done_callback(then)


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    app = FastAPI()
    made = Stand(free_port())

    async def long_way(request: Request) -> Response:
        made.long.append(await request.body())
        return Response(b'{"long":true}', 201, media_type="application/json")

    app.add_api_route("/api/v1/pos/topups", long_way, methods=["POST"])
    part = cast("Any", made)
    app.state.shortcut = Parts(part, part, part, Limits(500, 100_000))
    config = uvicorn.Config(
        app,
        port=made.port,
        http=till_protocol(app),
        log_config=None,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    made.server = server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield made
    server.should_exit = True
    await serving


def request(key: str = "k", body: bytes = TOP_UP, who: str = "good", more: str = "") -> bytes:
    head = (
        f"POST /api/v1/pos/topups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {who}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def chunked(body: bytes) -> bytes:
    """Return a request whose body comes in chunks, and whose trailer names another key."""
    head, _, _ = request().partition(b"\r\n\r\n")
    head = head[: head.rindex(b"\r\n")] + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\nIdempotency-Key: other\r\n\r\n" % (len(body), body)


async def answers(stand: Stand, *pieces: bytes, count: int = 1) -> list[tuple[int, dict[str, Any]]]:
    """Send pieces one after the other on one connection and return `count` answers."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        found = [await answer(reader) for _ in range(count)]
        writer.close()
        await writer.wait_closed()
        return found


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), json.loads(await reader.readexactly(length))


async def test_a_plain_request_takes_the_short_way_in_one_piece_or_many(stand: Stand) -> None:
    whole = request("one")
    pieces = [request("two")[n : n + 40] for n in range(0, len(request("two")), 40)]

    assert await answers(stand, whole) == [(201, {"key": "one"})]
    assert await answers(stand, *pieces) == [(201, {"key": "two"})]
    assert [order.key for order in stand.orders] == ["one", "two"]
    assert not stand.long


async def test_requests_on_one_connection_are_answered_in_their_order(stand: Stand) -> None:
    together = request("one") + request("two", body=TOP_UP + b" " * 600) + request("three")

    found = await answers(stand, together, count=3)

    assert found == [(201, {"key": "one"}), (201, {"long": True}), (201, {"long": True})]
    assert [len(body) for body in stand.long] == [len(TOP_UP) + 600, len(TOP_UP)]


async def test_a_request_that_comes_before_the_answer_waits_for_it(stand: Stand) -> None:
    stand.at_once = False
    asking = asyncio.create_task(answers(stand, request("one"), request("two"), count=2))
    while not stand.waiting:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not stand.long  # the second one is not begun before the first is answered
    stand.waiting[0].set_result(Answer(201, b'{"key":"one"}'))

    assert await asking == [(201, {"key": "one"}), (201, {"long": True})]


async def test_a_request_that_turns_out_not_to_be_ours_keeps_its_place(stand: Stand) -> None:
    stand.at_once = False
    asking = asyncio.create_task(
        answers(stand, request("one"), request("two", body=TOP_UP + b" "), count=2)
    )
    while not stand.waiting:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    stand.waiting[0].set_exception(NotOwner("writer/0"))

    assert await asking == [(201, {"long": True}), (201, {"long": True})]
    assert stand.long == [TOP_UP, TOP_UP + b" "]


@pytest.mark.parametrize(
    "unusual",
    [
        request(who="unknown"),
        request(body=b'{"card_number":"9999","amount":5}'),
        request(body=b'{"card_number":"3000","amount":5}'),
        request(body=b'{"card_number":"1000","amount":0}'),
        request(body=TOP_UP + b" " * 100_000),
        request(more="Idempotency-Key: two\r\n"),
        request().replace(b"topups HTTP", b"topups?x=1 HTTP"),
        request().replace(b"HTTP/1.1", b"HTTP/1.0"),
        request(more="Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        chunked(TOP_UP),
    ],
    ids=[
        "token",
        "card",
        "no database",
        "amount",
        "long body",
        "two keys",
        "query",
        "HTTP/1.0",
        "upgrade",
        "chunked",
    ],
)
async def test_what_is_not_plain_takes_the_long_way(stand: Stand, unusual: bytes) -> None:
    assert await answers(stand, unusual) == [(201, {"long": True})]
    assert not stand.orders


async def test_a_card_that_is_not_in_memory_is_looked_up_on_the_short_way(stand: Stand) -> None:
    body = b'{"card_number":"2000","amount":5}'

    assert await answers(stand, request("cold", body=body)) == [(201, {"key": "cold"})]
    assert [order.wallet_id for order in stand.orders] == ["w2"]
    assert not stand.long


async def test_what_another_process_writes_takes_the_long_way(stand: Stand) -> None:
    stand.elsewhere = True
    assert await answers(stand, request()) == [(201, {"long": True})]

    stand.elsewhere, stand.at_once = False, False
    asking = asyncio.create_task(answers(stand, request()))
    while not stand.waiting:
        await asyncio.sleep(0.01)
    stand.waiting[0].set_exception(NotOwner("writer/0"))
    assert await asking == [(201, {"long": True})]
    assert stand.long == [TOP_UP, TOP_UP]


async def test_a_fault_of_the_lane_is_503_and_a_client_that_left_is_nobody(stand: Stand) -> None:
    stand.at_once = False
    asking = asyncio.create_task(answers(stand, request()))
    while not stand.waiting:
        await asyncio.sleep(0.01)
    stand.waiting[0].set_exception(TimeoutError())
    ((status, said),) = await asking
    assert (status, said["type"]) == (503, "/problems/unavailable")

    _, writer = await asyncio.open_connection("127.0.0.1", stand.port)
    writer.write(request("gone"))
    while len(stand.waiting) < 2:
        await asyncio.sleep(0.01)
    writer.close()
    await asyncio.sleep(0.05)
    stand.waiting[1].set_result(Answer(201, b"{}"))
    stand.at_once = True
    assert await answers(stand, request("next")) == [(201, {"key": "next"})]


async def test_connection_close_is_heeded(stand: Stand) -> None:
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        writer.write(request("last", more="Connection: close\r\n"))
        assert await answer(reader) == (201, {"key": "last"})
        assert await reader.read() == b""
        writer.close()


async def test_expect_is_answered_before_the_body_is_sent(stand: Stand) -> None:
    head, _, body = request(more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert await answer(reader) == (201, {"long": True})
        writer.close()


async def test_an_idle_connection_is_closed_and_a_used_one_is_not(stand: Stand) -> None:
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        for n in range(4):
            await asyncio.sleep(KEEP_ALIVE_SECONDS / 2 if n else 0)
            writer.write(request(f"{n}"))
            assert await answer(reader) == (201, {"key": f"{n}"})
        assert await reader.read() == b""
        writer.close()


async def test_a_server_that_stops_answers_what_is_in_hand(stand: Stand) -> None:
    stand.at_once = False
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        writer.write(request("last"))
        while not stand.waiting:
            await asyncio.sleep(0.01)
        assert stand.server is not None
        stand.server.should_exit = True
        await asyncio.sleep(0.3)
        stand.waiting[0].set_result(Answer(201, b'{"key":"last"}'))
        assert await answer(reader) == (201, {"key": "last"})
        assert await reader.read() == b""
        writer.close()
