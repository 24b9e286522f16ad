"""Logging in, going on, logging out: what works, and what tells an attacker nothing."""

import asyncio
import time

import jwt
import pytest
from starlette.requests import Request

from identity.operations import ensure_user
from identity.passwords import hash_password, matches
from identity.requests import prefers_english
from identity.signing import load_keys
from identity.testing import ADMIN_PASSWORD, Service

INDONESIAN = "User ID atau password salah"
ENGLISH = "Wrong user ID or password"


async def test_a_login_gives_a_token_that_says_who(service: Service) -> None:
    answer = await service.login("anna", ADMIN_PASSWORD)

    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "role"}
    assert (body["token_type"], body["expires_in"], body["role"]) == ("Bearer", 1800, "admin")
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 1800
    assert (claims["sub"], claims["username"], claims["iss"]) == ("anna", "anna", "kembalian")
    assert not {"store_id", "member_id"} & set(claims)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_wrong_login_is_401_in_the_same_words(service: Service) -> None:
    for username, password in [
        ("anna", "wrong"),
        ("nobody", ADMIN_PASSWORD),
        ("Not A Name", "x"),
        ("a" * 4000, "x"),
        ("\u202eanna", "\u202e"),
    ]:
        answer = await service.login(username, password)
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/wrong-credentials"
        assert answer.json()["detail"] == INDONESIAN

    answer = await service.login("anna", "wrong", **{"accept-language": "en"})
    assert answer.json()["detail"] == ENGLISH


LANGUAGES = [
    ("", False),
    ("en", True),
    ("en-GB,en;q=0.9,id;q=0.8", True),
    ("id,en;q=0.9", False),
    ("en;q=0", False),
    ("de", False),
    ("en;q=x, *", False),
    ("id;q=0.1,en;q=0.2", True),
    ("," * 10_000 + "en", False),
]


@pytest.mark.parametrize(("header", "english"), LANGUAGES)
async def test_the_words_are_in_the_language_asked_for(header: str, english: bool) -> None:
    headers = [(b"accept-language", header.encode())]

    assert await prefers_english(Request({"type": "http", "headers": headers})) == english


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(service: Service) -> None:
    async def seconds(username: str) -> float:
        began = time.perf_counter()
        await service.resources.passwords.verify(known if username == "anna" else None, "wrong")
        return time.perf_counter() - began

    known = hash_password("right")
    took = [(await seconds("anna"), await seconds("nobody")) for _ in range(9)]
    known_user, unknown_user = map(min, zip(*took, strict=True))  # others use the machine, too

    assert 0.4 < known_user / unknown_user < 2.5


async def test_a_password_is_the_same_in_every_spelling_of_its_letters() -> None:
    assert matches(hash_password("pass\u00e9word"), "passe\u0301word")
    assert not matches("not a hash", "x")


async def test_only_failures_are_counted_and_too_many_are_429(service: Service) -> None:
    for _ in range(5):
        assert (await service.login("anna", ADMIN_PASSWORD)).status_code == 200
    for _ in range(3):
        assert (await service.login("anna", "wrong")).status_code == 401

    refused = await service.login("anna", ADMIN_PASSWORD)
    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/too-many-attempts"
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert (await service.login("nobody", "wrong")).status_code == 401


async def test_one_address_cannot_try_many_accounts(service: Service) -> None:
    for n in range(10):
        answer = await service.login(f"user{n}", "wrong", **{"x-forwarded-for": "10.0.0.1"})
        assert answer.status_code == 401

    assert (await service.login("anna", "x", **{"x-forwarded-for": "10.0.0.1"})).status_code == 429
    other = await service.login("anna", ADMIN_PASSWORD, **{"x-forwarded-for": "10.0.0.2"})
    assert other.status_code == 200


async def test_guesses_sent_at_once_are_counted_too(service: Service) -> None:
    guesses = [service.login("anna", f"guess {n}") for n in range(12)]
    answers = await asyncio.gather(*guesses, service.login("anna", ADMIN_PASSWORD))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) <= 5  # three, and those verified side by side
    assert statuses.count(429) >= 7


async def test_a_refresh_token_works_once_and_its_theft_ends_the_session(service: Service) -> None:
    first = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    guest = await service.guest()

    second = await guest.post("/auth/refresh", {"refresh_token": first})
    assert second.status_code == 200
    assert second.json()["role"] == "admin"
    third = await guest.post("/auth/refresh", {"refresh_token": second.json()["refresh_token"]})
    assert third.status_code == 200

    stolen = await guest.post("/auth/refresh", {"refresh_token": first})
    assert stolen.status_code == 401
    last = await guest.post("/auth/refresh", {"refresh_token": third.json()["refresh_token"]})
    assert last.status_code == 401
    assert await service.count("private.refresh_token") == 0


async def test_of_two_refreshes_at_once_one_succeeds(service: Service) -> None:
    token = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    guest = await service.guest()

    answers = await asyncio.gather(
        *(guest.post("/auth/refresh", {"refresh_token": token}) for _ in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert await service.count("private.refresh_token") == 0


async def test_sessions_are_independent_and_logout_ends_one(service: Service) -> None:
    one = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    two = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    guest = await service.guest()

    assert (await guest.post("/auth/logout", {"refresh_token": one})).status_code == 204
    assert (await guest.post("/auth/logout", {"refresh_token": "unknown"})).status_code == 204
    assert (await guest.post("/auth/refresh", {"refresh_token": one})).status_code == 401
    assert (await guest.post("/auth/refresh", {"refresh_token": two})).status_code == 200


async def test_an_expired_refresh_token_is_401(service: Service) -> None:
    token = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    await service.pool.execute("UPDATE private.refresh_token SET expires_at = now()")

    answer = await (await service.guest()).post("/auth/refresh", {"refresh_token": token})
    assert answer.status_code == 401


async def test_changing_the_password_ends_all_sessions(service: Service) -> None:
    token = (await service.login("anna", ADMIN_PASSWORD)).json()["refresh_token"]
    anna = await service.logged_in("anna", ADMIN_PASSWORD)
    body = {"current_password": ADMIN_PASSWORD, "new_password": "another password"}

    wrong = await anna.post("/auth/password", {**body, "current_password": "wrong"})
    assert wrong.json()["type"] == "/problems/wrong-credentials"
    short = await anna.post("/auth/password", {**body, "new_password": "short"})
    assert short.json()["errors"][0]["field"] == "new_password"
    assert (await anna.post("/auth/password", body)).status_code == 204

    assert (await service.login("anna", ADMIN_PASSWORD)).status_code == 401
    assert (await service.login("anna", "another password")).status_code == 200
    guest = await service.guest()
    assert (await guest.post("/auth/refresh", {"refresh_token": token})).status_code == 401
    assert (await guest.post("/auth/password", body)).status_code == 401
    assert (await (await service.service()).post("/auth/password", body)).status_code == 403


async def test_the_signing_key_is_one_for_all_processes_and_restarts(service: Service) -> None:
    await service.pool.execute("SELECT 1")

    found = await asyncio.gather(*(load_keys(service.pool) for _ in range(8)))

    assert len({keys.key_id for keys in found}) == 1
    assert await service.count("private.signing_key") == 1
    published = (await service.http.get("/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in published] == [found[0].key_id]
    assert "d" not in published[0]


async def test_a_user_is_ensured_once_and_keeps_his_password(service: Service) -> None:
    for password in ("the first password", "the second one"):
        await ensure_user(service.dsn, username="fin", password=password, role="finance")

    assert (await service.login("fin", "the first password")).json()["role"] == "finance"
    with pytest.raises(ValueError, match="finance"):
        await ensure_user(service.dsn, username="fin", password="x", role="auditor")


async def test_services_get_tokens_for_their_secrets(service: Service) -> None:
    async def ask(client_id: str, secret: str) -> tuple[int, str]:
        body = {"client_id": client_id, "client_secret": secret}
        answer = await service.http.post("/internal/token", json=body)
        if answer.status_code != 200:
            return answer.status_code, ""
        assert answer.json()["expires_in"] == 1800
        token = answer.json()["access_token"]
        return 200, jwt.decode(token, options={"verify_signature": False})["role"]

    assert await ask("gateway", "secret of gateway") == (200, "guest")
    assert await ask("catalog", "secret of catalog") == (200, "service")
    for client_id, secret in [
        ("catalog", "secret of gateway"),
        ("nobody", "x"),
        ("../identity", "secret of identity"),
        ("gateway\n", "secret of gateway"),
        ("identity", "é"),
    ]:
        assert (await ask(client_id, secret))[0] == 401
