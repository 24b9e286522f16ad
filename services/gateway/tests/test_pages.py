"""The gateway's own pages, and its token: in any order of starting."""

import asyncio
import json

import pytest

from gateway import documents, service_token
from gateway.app import create_app
from gateway.config import Settings
from gateway.pages import STATIC
from gateway.routing import Service
from gateway.testing import FakeService, Received, Running, Script, answer, running

Fakes = dict[Service, FakeService]


def says(document: object) -> Script:
    """Return the script of a service with this OpenAPI document."""

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(json.dumps(document).encode()))

    return script


async def say_unavailable(_: Received, writer: asyncio.StreamWriter) -> None:
    """The script of a service that is not ready."""
    writer.write(answer(b"{}", status=b"503 Service Unavailable"))


async def test_alive_without_any_service(settings: Settings) -> None:
    nobody = settings.model_copy(update={"identity_url": "http://127.0.0.1:1"})
    async with running(create_app(nobody)) as gateway:
        answered = await gateway.get("/livez")

    assert (answered.status, json.loads(answered.body)) == (200, {"status": "alive"})


async def test_ready_when_every_service_is(gateway: Running, services: Fakes) -> None:
    answered = await gateway.get("/readyz")

    assert answered.status == 200
    assert json.loads(answered.body)["services"] == {name.value: "ready" for name in Service}
    assert {each.last.line for each in services.values()} == {b"GET /readyz HTTP/1.1"}


async def test_not_ready_names_the_service_that_is_not(gateway: Running, services: Fakes) -> None:
    services[Service.SETTLEMENT].script = say_unavailable

    answered = await gateway.get("/readyz")

    said = json.loads(answered.body)
    assert (answered.status, said["type"]) == (503, "/problems/unavailable")
    assert answered.header("retry-after") == b"1"
    assert said["services"]["settlement"] == "unavailable"
    assert said["services"]["catalog"] == "ready"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs"])
async def test_a_wrong_method_on_an_own_page_is_a_problem(gateway: Running, path: str) -> None:
    answered = await gateway.ask(f"DELETE {path} HTTP/1.1\r\nHost: g\r\n\r\n".encode())

    assert answered.status == 405
    assert json.loads(answered.body)["type"] == "/problems/method-not-allowed"


async def test_openapi_is_the_union_and_outlives_a_service(
    gateway: Running, services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "FRESH_SECONDS", 0.0)
    for service in services.values():
        service.script = says({"paths": {}})
    services[Service.CATALOG].script = says({"paths": {"/api/v1/stores": {"get": {}}}})

    first = await gateway.get("/openapi.json")
    services[Service.SETTLEMENT].script = say_unavailable
    second = await gateway.get("/openapi.json")

    assert first.status == 200
    assert list(json.loads(first.body)["paths"]) == ["/api/v1/stores"]
    assert second.body == first.body
    assert services[Service.CATALOG].last.values(b"authorization") == [b"Bearer guest-token"]


@pytest.mark.parametrize(
    "script", [say_unavailable, says([]), says({}), says({"paths": []}), says("[" * 5000)]
)
async def test_without_a_copy_a_bad_document_is_503(
    gateway: Running, services: Fakes, script: Script
) -> None:
    for service in services.values():
        service.script = says({"paths": {}})
    services[Service.IDENTITY].script = script

    answered = await gateway.get("/openapi.json")

    assert (answered.status, answered.header("retry-after")) == (503, b"1")


async def test_openapi_is_asked_once_in_five_seconds(gateway: Running, services: Fakes) -> None:
    for service in services.values():
        service.script = says({"paths": {}})

    await asyncio.gather(*(gateway.get("/openapi.json") for _ in range(5)))

    assert len(services[Service.CATALOG].received) == 1


async def test_the_docs_page_loads_nothing_from_elsewhere(gateway: Running) -> None:
    page = await gateway.get("/docs")

    text = page.body.decode()
    assert page.header("content-type") == b"text/html; charset=utf-8"
    assert "//" not in text
    for name in STATIC:
        found = await gateway.get(f"/docs/{name}")
        assert (found.status, found.header("x-content-type-options")) == (200, b"nosniff")
        assert found.header("content-security-policy") == page.header("content-security-policy")
    assert b"script-src 'self';" in (page.header("content-security-policy") or b"")


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2fconfig.py", "%2e%2e"])
async def test_the_docs_page_has_no_other_file(gateway: Running, name: str) -> None:
    answered = await gateway.get(f"/docs/{name}")

    assert answered.status == 404
    assert answered.header("content-type") == b"application/problem+json"


async def test_without_identity_a_guest_waits_and_then_hears_503(
    settings: Settings, services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_token, "WAIT_SECONDS_MAX", 0.2)
    nobody = settings.model_copy(update={"identity_url": "http://127.0.0.1:1"})
    async with running(create_app(nobody)) as gateway:
        guest = await gateway.get("/api/v1/stores")
        admin = await gateway.get("/api/v1/stores", "Authorization: Bearer mine\r\n")

    assert (guest.status, guest.header("retry-after")) == (503, b"1")
    assert admin.status == 200


async def test_identity_and_the_secret_may_come_later(settings: Settings, services: Fakes) -> None:
    secret = settings.service_secret_file
    assert secret is not None
    secret.unlink()
    async with running(create_app(settings)) as gateway:
        early = asyncio.create_task(gateway.get("/api/v1/stores"))
        await asyncio.sleep(0.1)
        secret.write_text("secret of the gateway")

        assert (await early).status == 200


async def test_the_token_is_renewed_before_it_expires(
    settings: Settings, services: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"access_token":"short","expires_in":1.3}'
    monkeypatch.setattr("gateway.testing.services.TOKEN_BODY", body)
    said: list[bytes] = []
    async with running(create_app(settings)) as gateway, asyncio.timeout(20):
        while said[-1:] != [b"Bearer newer"]:
            assert (await gateway.get("/api/v1/stores")).status == 200
            said += services[Service.CATALOG].last.values(b"authorization")
            newer = body.replace(b"short", b"newer")
            monkeypatch.setattr("gateway.testing.services.TOKEN_BODY", newer)
            await asyncio.sleep(0.1)

    assert set(said) == {b"Bearer short", b"Bearer newer"}
