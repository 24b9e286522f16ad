"""The proxy on the wire: what a service gets, and what a client gets back."""

import asyncio
import json
import re

import pytest

from gateway.routing import Service
from gateway.testing import GUEST, FakeService, Received, Running, answer

Fakes = dict[Service, FakeService]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NEW_TRACE = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


def problem(body: bytes) -> str:
    """Return the slug of a problem."""
    return str(json.loads(body)["type"]).removeprefix("/problems/")


async def test_path_and_query_arrive_as_the_bytes_that_were_sent(
    gateway: Running, services: Fakes
) -> None:
    target = "/api/v1/stores/k%C3%A9%20%7e?search=a%2Fb&x=%ff&&y=%2e%2e/internal"

    await gateway.get(target)

    assert services[Service.CATALOG].last.line == f"GET {target} HTTP/1.1".encode()


async def test_field_values_that_are_not_utf_8_arrive_untouched(
    gateway: Running, services: Fakes
) -> None:
    raw = b"GET /api/v1/stores HTTP/1.1\r\nHost: g\r\nX-Name: caf\xe9 \xff\xfe\r\n\r\n"

    answered = await gateway.ask(raw)

    assert answered.status == 200
    assert services[Service.CATALOG].last.values(b"x-name") == [b"caf\xe9 \xff\xfe"]


async def test_a_body_arrives_as_it_was_sent(gateway: Running, services: Fakes) -> None:
    body = bytes(range(256)) * 100
    head = b"POST /api/v1/pos/change HTTP/1.1\r\nHost: g\r\nIdempotency-Key: k\r\nContent-Length: "

    await gateway.ask(head + str(len(body)).encode() + b"\r\n\r\n" + body)

    assert services[Service.WALLET_LEDGER].last.body == body
    assert services[Service.WALLET_LEDGER].last.values(b"idempotency-key") == [b"k"]


async def test_a_chunked_body_arrives_whole(gateway: Running, services: Fakes) -> None:
    head = b"POST /api/v1/stores HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"

    await gateway.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    received = services[Service.CATALOG].last
    assert received.body == b"abcde"
    assert received.values(b"content-length") == [b"5"]
    assert received.values(b"transfer-encoding") == []


async def test_a_client_without_a_token_gets_the_guest_s(gateway: Running, services: Fakes) -> None:
    await gateway.get("/api/v1/stores")

    assert services[Service.CATALOG].last.values(b"authorization") == [b"Bearer " + GUEST]


async def test_a_client_s_own_authorization_is_left_alone(
    gateway: Running, services: Fakes
) -> None:
    await gateway.get("/api/v1/stores", "Authorization: Bearer mine\r\n")

    assert services[Service.CATALOG].last.values(b"authorization") == [b"Bearer mine"]


async def test_what_is_internal_or_of_one_hop_is_not_passed_on(
    gateway: Running, services: Fakes
) -> None:
    fields = (
        "Connection: keep-alive, X-Private\r\nX-Private: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
        "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
        "X-Kembalian-Role: admin\r\nProxy-Authorization: x\r\n"
    )

    await gateway.get("/api/v1/stores", fields)

    received = services[Service.CATALOG].last
    assert {name for name, _ in received.headers} == {
        b"host",
        b"authorization",
        b"x-forwarded-for",
        b"x-request-id",
        b"traceparent",
    }
    assert received.values(b"x-forwarded-for") == [b"127.0.0.1"]


async def test_a_valid_trace_and_request_id_are_kept(gateway: Running, services: Fakes) -> None:
    fields = f"traceparent: {TRACE}\r\ntracestate: a=1\r\nX-Request-Id: till-7\r\n"

    answered = await gateway.get("/api/v1/stores", fields)

    received = services[Service.CATALOG].last
    assert received.values(b"traceparent") == [TRACE.encode()]
    assert received.values(b"tracestate") == [b"a=1"]
    assert received.values(b"x-request-id") == [b"till-7"]
    assert answered.header("x-request-id") == b"till-7"


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "traceparent: nonsense\r\ntracestate: a=1\r\n",
        "traceparent: 00-" + "0" * 32 + "-b7ad6b7169203331-01\r\n",
        "traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        f"traceparent: {TRACE}\r\ntraceparent: {TRACE}\r\n",
    ],
)
async def test_a_missing_or_broken_trace_is_made_anew(
    gateway: Running, services: Fakes, fields: str
) -> None:
    answered = await gateway.get("/api/v1/stores", fields + "X-Request-Id: a b\r\n")

    received = services[Service.CATALOG].last
    (made,) = received.values(b"traceparent")
    assert NEW_TRACE.fullmatch(made)
    assert made != TRACE.encode()
    assert received.values(b"tracestate") == []
    (name,) = received.values(b"x-request-id")
    assert re.fullmatch(rb"[0-9a-f]{32}", name)
    assert answered.header("x-request-id") == name


async def test_connections_to_a_service_are_kept(gateway: Running, services: Fakes) -> None:
    for _ in range(5):
        await gateway.get("/api/v1/stores")

    assert services[Service.CATALOG].connections == 1


@pytest.mark.parametrize("path", ["/internal/stores", "/api/v1/nothing", "/api/v1/stores/%2e%2e"])
async def test_an_unknown_path_is_a_problem(gateway: Running, services: Fakes, path: str) -> None:
    answered = await gateway.get(path)

    assert answered.status == 404
    assert problem(answered.body) == "not-found"
    assert answered.header("content-type") == b"application/problem+json"
    assert all(not service.received for service in services.values())


async def test_a_wrong_method_is_the_service_s_to_refuse(gateway: Running, services: Fakes) -> None:
    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        body = b'{"type":"/problems/method-not-allowed"}'
        kind = b"Content-Type: application/problem+json\r\nAllow: GET\r\n"
        writer.write(answer(body, status=b"405 Method Not Allowed", fields=kind))

    services[Service.CATALOG].script = script

    answered = await gateway.ask(b"DELETE /api/v1/stores HTTP/1.1\r\nHost: g\r\n\r\n")

    assert (answered.status, problem(answered.body)) == (405, "method-not-allowed")
    assert answered.header("allow") == b"GET"
