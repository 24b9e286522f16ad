"""The frame of a service, seen from outside: refusals, limits and its own calls."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from web.app import create_app
from web.problems import SLUGS
from web.route import router
from web.settings import ServiceSettings
from web.testing import SigningIdentity

FORM: dict[str, Any] = {"card_number": "1000", "amount": 5, "name": "Susila", "store_id": "kantin"}
TYPES = {"content-type": "application/json"}


def slug(answer: httpx.Response) -> str:
    """Return the slug of a refusal, having checked that its parts agree."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    name = body["type"].removeprefix("/problems/")
    assert (answer.status_code, body["title"]) == SLUGS[name]
    assert body["status"] == answer.status_code
    return name


def fields(answer: httpx.Response) -> dict[str, str]:
    assert slug(answer) == "invalid-request"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


async def test_a_right_form_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/forms", json=FORM)

    assert answer.status_code == 201
    assert answer.json()["amount"] == 5


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "negative": ({"amount": -1}, "amount"),
    "zero": ({"amount": 0}, "amount"),
    "text for a number": ({"amount": "5"}, "amount"),
    "boolean for a number": ({"amount": True}, "amount"),
    "fraction": ({"amount": 5.0}, "amount"),
    "2^63": ({"amount": 2**63}, "amount"),
    "over the limit": ({"amount": 10**12 + 1}, "amount"),
    "null": ({"amount": None}, "amount"),
    "number for text": ({"name": 5}, "name"),
    "empty": ({"name": ""}, "name"),
    "blank": ({"name": " \t"}, "name"),
    "bidi": ({"name": "abc\u202edef"}, "name"),
    "line feed": ({"name": "a\nb"}, "name"),
    "too long": ({"name": "a" * 101}, "name"),
    "final newline": ({"card_number": "1000\n"}, "card_number"),
    "foreign digits": ({"card_number": "١٢٣٤"}, "card_number"),
    "store in capitals": ({"store_id": "Kantin"}, "store_id"),
    "email without domain": ({"email": "zq7@x"}, "email"),
    "number for a boolean": ({"save": 1}, "save"),
    "unknown": ({"colour": "red"}, "colour"),
    "nested": ({"items": [{"quantity": 0}]}, "items.0.quantity"),
    "object for a list": ({"items": {}}, "items"),
    "too many": ({"items": [{"quantity": 1}] * 4}, "items"),
}


@pytest.mark.parametrize(("change", "field"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await client.post("/api/forms", json={**FORM, **change})

    assert list(fields(answer)) == [field]


async def test_every_missing_field_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/forms", json={"name": "", "card_number": ""})

    names = ["amount", "card_number", "name", "store_id"]
    assert fields(answer) == dict.fromkeys(names, "is required")


async def test_an_empty_text_is_missing_where_nothing_is_required_either(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.post("/api/forms", json={**FORM, "email": ""})).json()["email"] is None
    assert (await client.patch("/api/forms", json={"email": ""})).json() == {"email": None}
    assert fields(await client.patch("/api/forms", json={"name": ""})) == {"name": "is required"}
    assert list(fields(await client.patch("/api/forms", json={"name": None}))) == ["name"]


BODIES: dict[str, bytes] = {
    "NaN": b'{"amount": NaN}',
    "1e400": b'{"amount": 1e400}',
    "duplicate": b'{"name": "zq7", "name": "zq7"}',
    "surrogate": b'{"name": "zq7\\ud800"}',
    "NUL": b'{"name": "zq7\\u0000"}',
    "deep": b"[" * 100_000,
    "list": b'["zq7"]',
    "text": b'"zq7"',
    "null": b"null",
    "not JSON": b"zq7",
    "wrong values": b'{"name": ["zq7"], "amount": "zq7", "store_id": "ZQ7 zq7", "zq7 zq7": 1}',
    "nothing": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_bad_body_is_422_and_never_repeated(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/forms", content=body, headers=TYPES)

    assert slug(answer) == "invalid-request"
    assert "zq7" not in answer.text.lower()


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/jsonx", ""])
async def test_another_media_type_is_415(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(
        "/api/forms", content=json.dumps(FORM), headers={"content-type": media_type}
    )

    assert slug(answer) == "unsupported-media-type"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/ld+json"])
async def test_json_may_be_called_by_its_other_names(
    client: httpx.AsyncClient, media_type: str
) -> None:
    answer = await client.post(
        "/api/forms", content=json.dumps(FORM), headers={"content-type": media_type}
    )

    assert answer.status_code == 201


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 65_536


async def test_ten_megabytes_are_413_with_and_without_a_length(client: httpx.AsyncClient) -> None:
    declared = await client.post("/api/forms", content=b" " * 10_000_000, headers=TYPES)
    chunked = await client.post("/api/forms", content=chunks(160), headers=TYPES)
    absurd = await client.post(
        "/api/forms", content=b"{}", headers={**TYPES, "content-length": "9" * 30}
    )

    assert [slug(each) for each in (declared, chunked, absurd)] == ["payload-too-large"] * 3


async def test_a_body_of_exactly_one_mebibyte_is_read(client: httpx.AsyncClient) -> None:
    body = json.dumps(FORM).encode().ljust(1024 * 1024)

    assert (await client.post("/api/forms", content=body, headers=TYPES)).status_code == 201
    assert slug(await client.post("/api/forms", content=body + b" ", headers=TYPES)) == (
        "payload-too-large"
    )


FAULTS: dict[str, Exception] = {
    "bug": RuntimeError("secret detail"),
    "misuse": asyncpg.InterfaceError("the server expects secret arguments"),
    "refused": ConnectionRefusedError(111, "secret detail"),
    "timeout": TimeoutError(),
    "lost": asyncpg.ConnectionDoesNotExistError("secret detail"),
    "starting": asyncpg.CannotConnectNowError("secret detail"),
    "full": asyncpg.TooManyConnectionsError("secret detail"),
    "stopping": asyncpg.AdminShutdownError("secret detail"),
    "closed": asyncpg.InterfaceError("connection is closed"),
    "pool": asyncpg.InterfaceError("pool is closing"),
    "killed": asyncpg.InternalClientError("got result for unknown protocol state"),
    "busy": asyncpg.InterfaceError("another operation is in progress"),
    "unmade": asyncpg.InvalidCatalogNameError("secret detail"),
    "password": asyncpg.InvalidPasswordError("secret detail"),
    "dropped": asyncpg.UndefinedTableError("secret detail"),
    "peer": httpx.ConnectError("secret detail"),
}
BUGS = ["bug", "misuse"]


@pytest.fixture
async def faulty() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose only route fails as it is told."""
    api = router()

    @api.get("/faults/{name}")
    async def fail(name: str) -> None:  # pyright: ignore[reportUnusedFunction]
        raise FAULTS[name]

    async def ready() -> bool:
        return True

    app = create_app("faulty", settings=ServiceSettings(), routers=[api], ready=ready)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as http:
        yield http


async def test_routers_own_refusals_are_problems(client: httpx.AsyncClient) -> None:
    assert slug(await client.get("/nothing")) == "not-found"
    assert slug(await client.get("/api/forms/")) == "not-found"
    answer = await client.delete("/api/forms")
    assert slug(answer) == "method-not-allowed"
    assert answer.headers["allow"]


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(BUGS)))
async def test_what_passes_by_itself_is_503(faulty: httpx.AsyncClient, name: str) -> None:
    answer = await faulty.get(f"/faults/{name}")

    assert slug(answer) == "unavailable"
    assert answer.headers["retry-after"] == "1"
    assert "secret" not in answer.text


@pytest.mark.parametrize("name", BUGS)
async def test_a_bug_is_500_without_details(faulty: httpx.AsyncClient, name: str) -> None:
    answer = await faulty.get(f"/faults/{name}")

    assert slug(answer) == "internal-error"
    assert str(FAULTS[name]) not in answer.text


async def test_path_parameters_are_strict(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/stores/kantin")).json() == {"store_id": "kantin"}
    for bad in ("K", "kantin%0A", "%00a", "%ff%fe", "a" * 33, "kantin%E2%80%AE"):
        assert list(fields(await client.get(f"/api/stores/{bad}"))) == ["store_id"]


async def test_own_calls(client: httpx.AsyncClient, identity: SigningIdentity) -> None:
    del client.headers["authorization"]
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    assert slug(await client.get("/openapi.json")) == "unauthenticated"
    identity.down = True
    assert slug(await client.get("/readyz")) == "unavailable"
    assert (await client.get("/livez")).status_code == 200


async def test_openapi_describes_refusals(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert "4XX" in paths["/api/forms"]["post"]["responses"]
    assert "422" not in paths["/api/forms"]["post"]["responses"]


@pytest.mark.parametrize("status", [201, 404])
async def test_kept_bytes_are_given_as_they_are(client: httpx.AsyncClient, status: int) -> None:
    first = await client.get(f"/api/kept/{status}")
    again = await client.get(f"/api/kept/{status}?replayed=true")

    assert first.content == again.content == b'{"a":1}'
    assert first.status_code == again.status_code == status
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert ("problem" in first.headers["content-type"]) == (status >= 400)
