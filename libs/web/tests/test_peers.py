"""Calls to other services: tokens are fetched, renewed and replaced; silence is 503."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from web.peers import Peer, ServiceTokens
from web.problems import Problem
from web.settings import ServiceSettings


class House:
    """identity and one more service, by MockTransport."""

    def __init__(self, secrets: Path) -> None:
        secrets.write_text("s3cret\n")
        self.settings = ServiceSettings(service_name="catalog", service_secret_file=secrets)
        self.issued = 0
        self.valid = 0
        self.seconds = 0.0
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json={"ok": True})
        self.tokens = ServiceTokens(
            self.settings,
            transport=httpx.MockTransport(self.identity),
            monotonic=lambda: self.seconds,
        )
        self.peer = Peer(
            "wallet-ledger", "http://peer", self.tokens, transport=httpx.MockTransport(self.other)
        )

    def identity(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        assert body == {"client_id": "catalog", "client_secret": "s3cret"}
        self.issued += 1
        self.valid = self.issued
        return httpx.Response(200, json={"access_token": f"t{self.issued}", "expires_in": 100})

    def other(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer t{self.valid}":
            return httpx.Response(401)
        return self.answer()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "secret")


async def test_a_token_is_kept_and_renewed_before_it_expires(house: House) -> None:
    for _ in range(3):
        assert (await house.peer.post("/internal/x", {})).json() == {"ok": True}
    assert house.issued == 1
    house.seconds = 81.0
    await house.peer.get("/internal/x", params={"a": "b"})
    assert house.issued == 2


async def test_a_refused_token_is_replaced_once(house: House) -> None:
    await house.peer.get("/x")
    house.valid = 99  # the keys changed: t1 is not known any more
    assert (await house.peer.get("/x")).status_code == 200
    house.answer = lambda: httpx.Response(401)
    with pytest.raises(Problem, match="503"):
        await house.peer.get("/x")


def refuse_to_answer() -> httpx.Response:
    raise httpx.ConnectError("down")


@pytest.mark.parametrize("answer", [refuse_to_answer, lambda: httpx.Response(500)])
async def test_silence_and_faults_are_503(
    house: House, answer: Callable[[], httpx.Response]
) -> None:
    house.answer = answer

    with pytest.raises(Problem, match="503"):
        await house.peer.get("/x")


async def test_a_refusal_is_the_callers_to_understand(house: House) -> None:
    house.answer = lambda: httpx.Response(404)

    assert (await house.peer.get("/x")).status_code == 404


async def test_no_secret_is_503(house: House, tmp_path: Path) -> None:
    (tmp_path / "secret").unlink()

    with pytest.raises(Problem, match="503"):
        await house.peer.get("/x")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEMBALIAN_PORT", "8123")
    monkeypatch.setenv("KEMBALIAN_IDENTITY_URL", "http://127.0.0.1:1/")
    settings = ServiceSettings()

    assert (settings.port, settings.identity_url) == (8123, "http://127.0.0.1:1")
    assert settings.cursor_key() != settings.cursor_key()
    with pytest.raises(ValueError, match="SECRET_FILE"):
        settings.service_secret()
