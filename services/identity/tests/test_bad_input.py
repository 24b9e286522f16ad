"""Whatever is sent to whichever call: a named refusal, no 5xx, no echo, no event."""

from collections.abc import Iterator

import httpx

from identity.testing import Client, Service

UNKNOWN = "00000000-0000-7000-8000-000000000000"
PLACES = {"member_id": UNKNOWN, "cashier_id": "ani", "username": "budi", "number": "1000"}
JSON = {"content-type": "application/json"}

BODIES = [
    b"",
    b"null",
    b"[]",
    b'"zq7"',
    b"zq7",
    b'{"name": NaN}',
    b'{"name": 1e400, "username": "zq7"}',
    b'{"name": "zq7", "name": "zq7"}',
    b'{"name": "zq7\\ud800"}',
    b'{"username": "zq7\\u0000"}',
    b'{"name": "\xe2\x80\xaezq7"}',
    b'{"zq7 zq7": 1, "name": {"zq7": ["zq7"]}}',
    b'{"password": true, "username": -1, "refresh_token": 9223372036854775808, "name": 0}',
    b'{"client_id": ["zq7"], "current_password": {}, "name": null}',
    b"[" * 100_000,
    b'{"name":' * 100_000,
    b"\xff\xfe",
]


async def calls(service: Service, admin: Client) -> Iterator[tuple[str, str, bool]]:
    """Return (method, path, takes a body) of every call, as the service itself describes them."""
    document = (await service.http.get("/openapi.json", headers=admin.headers)).json()
    return (
        (method, path.format(**PLACES), "requestBody" in call)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    )


def refusal(answer: httpx.Response) -> str:
    assert 400 <= answer.status_code < 500, (answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "zq7" not in answer.text
    return answer.json()["type"].removeprefix("/problems/")


async def test_every_bad_body_is_refused_by_every_call(service: Service, admin: Client) -> None:
    seen = 0
    for method, path, takes_body in await calls(service, admin):
        if not takes_body:
            continue
        seen += 1
        headers = {**admin.headers, **JSON, "idempotency-key": "k"}
        for body in BODIES:
            answer = await service.http.request(method, path, content=body, headers=headers)
            assert refusal(answer) == "invalid-request"
        large = await service.http.request(method, path, content=b" " * 10_000_000, headers=headers)
        assert refusal(large) == "payload-too-large"
        text = {**headers, "content-type": "text/plain"}
        answer = await service.http.request(method, path, content=b"{}", headers=text)
        assert refusal(answer) == "unsupported-media-type"

    assert seen == 10
    assert await service.count("log.event") == await service.count("log.outcome") == 0


async def test_every_call_needs_a_token(service: Service, admin: Client) -> None:
    seen = 0
    for method, path, _ in await calls(service, admin):
        seen += 1
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}):
            answer = await service.http.request(method, path, headers=headers)
            assert refusal(answer) == "unauthenticated"
    assert seen == 18


async def test_every_making_call_needs_a_key(service: Service, admin: Client) -> None:
    for path in ("/members", "/cashiers", "/operators"):
        url = f"/api/v1{path}"
        missing = await service.http.post(url, json={}, headers=admin.headers)
        assert refusal(missing) == "idempotency-key-missing"
        malformed = {**admin.headers, "idempotency-key": "x" * 256}
        answer = await service.http.post(url, json={}, headers=malformed)
        assert refusal(answer) == "invalid-request"


async def test_queries_of_lists_are_checked(service: Service, admin: Client) -> None:
    for path in ("/members", "/cashiers", "/operators"):
        for query in ("limit=0", "limit=201", "limit=zq7", "cursor=zq7", "limit=1&limit=1"):
            answer = await service.http.get(f"/api/v1{path}?{query}", headers=admin.headers)
            assert refusal(answer) == "invalid-request"
            assert answer.json()["errors"][0]["field"] == query.partition("=")[0]
