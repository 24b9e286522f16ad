"""Bad idempotency keys and bad tokens at every call; the services themselves without a token."""

import json
import secrets

import pytest

from kembalian.testing.bad_tokens import bad_tokens, good_claims
from kembalian.testing.calls import CALLS, Call
from kembalian.testing.cast import Cast
from kembalian.testing.house import API, RunningHouse
from kembalian.testing.refusals import assert_refused

pytestmark = pytest.mark.usefixtures("no_events")

KEYED = [call for call in CALLS if call.keyed]
INTERNAL = ("/internal/cards/1000", "/internal/members/x", "/internal/stores", "/internal/place")


@pytest.mark.parametrize("call", KEYED, ids=lambda call: call.name)
def test_a_key_is_needed_and_is_printable_text(cast: Cast, call: Call) -> None:
    body = None if call.body is None else json.dumps(cast.body(call)).encode()
    given = cast.headers(call)
    del given["Idempotency-Key"]
    for value, slug in (
        (None, "idempotency-key-missing"),
        ("", "idempotency-key-missing"),
        ("x" * 256, "invalid-request"),
        ("x" * 300, "invalid-request"),
        ("kunci-é".encode(), "invalid-request"),
        (b"kunci\xff", "invalid-request"),
        (b"kunci\tqzxjw", "invalid-request"),
    ):
        headers = given if value is None else {**given, "Idempotency-Key": value}

        assert_refused(cast.ask("POST", cast.target(call), headers, body), slug, about=value)
    twice = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    assert_refused(cast.ask("POST", cast.target(call), given, body, more=twice), "invalid-request")


def test_no_call_believes_a_bad_token(house: RunningHouse, cast: Cast) -> None:
    tokens = list(bad_tokens(house, good_claims("admin", "admin", username="admin")))
    assert tokens.pop()[0] == "good"
    for call in CALLS:
        body = None if call.body is None else json.dumps(cast.body(call)).encode()
        for wrong, token in tokens if call.path == "/stores" else tokens[:8]:
            headers = cast.headers(call) | {"Authorization": f"Bearer {token}"}

            answer = cast.ask(call.method, cast.target(call), headers, body)

            assert_refused(answer, "unauthenticated", about=f"{call.name}, {wrong}")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_service_refuses_every_bad_token(house: RunningHouse, cast: Cast) -> None:
    reads = {
        "identity": "/members",
        "catalog": "/stores",
        "wallet-ledger": "/wallets/{member_id}",
        "settlement": "/settlement/positions",
    }
    *bad, (_, good) = bad_tokens(house, good_claims("admin", "admin", username="admin"))
    for service, path in reads.items():
        target = cast.filled(API + path)
        for wrong, token in bad:
            answer = cast.ask("GET", target, {"Authorization": f"Bearer {token}"})

            assert_refused(answer, "unauthenticated", about=f"{service}, {wrong}")
        assert cast.ask("GET", target, {"Authorization": f"Bearer {good}"}).status == 200


def test_other_credentials_are_none(cast: Cast) -> None:
    token = cast.people["admin"].token
    for value in ("Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4=", token, "Bearer\t", "bearer x y"):
        answer = cast.ask("GET", f"{API}/members", {"Authorization": value})

        assert_refused(answer, "unauthenticated", about=value[:20])
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert_refused(cast.ask("GET", f"{API}/members", {}, more=twice), "unauthenticated")


def test_headers_of_a_client_make_nobody_more_than_he_is(cast: Cast) -> None:
    headers = {
        "Authorization": f"Bearer {cast.people['member'].token}",
        "X-Kembalian-Role": "admin",
        "X-Forwarded-For": "127.0.0.1",
        "X-Original-URL": "/internal/stores",
        "X-HTTP-Method-Override": "GET",
    }

    assert_refused(cast.ask("GET", f"{API}/members", headers), "forbidden")


def test_behind_the_gateway_nothing_answers_without_a_token(
    house: RunningHouse, cast: Cast
) -> None:
    run = house.live()
    services = {name: url for name, url in run.urls.items() if name != "gateway"}
    assert len(services) == 4
    for name, url in services.items():
        inside = Cast(url, cast.people, cast.values)
        for path in (*INTERNAL, "/openapi.json", f"{API}/stores", "/nothing"):
            answer = inside.ask("GET", path, {})
            expected = {"unauthenticated", "not-found"}  # what is no call of this service
            if path == "/openapi.json":
                expected.remove("not-found")
            assert_refused(answer, expected, about=f"{name} {path}")
        for path in ("/livez", "/readyz"):
            assert inside.ask("GET", path, {}).status == 200
        inside.close()


def test_each_service_refuses_its_own_calls_without_a_token(
    house: RunningHouse, cast: Cast
) -> None:
    run = house.live()
    asked: set[str] = set()
    for name, url in run.urls.items():
        if name == "gateway":
            continue
        inside = Cast(url, cast.people, cast.values)
        admin = {"Authorization": f"Bearer {cast.people['admin'].token}"}
        own = inside.ask("GET", "/openapi.json", admin).json()["paths"]
        for call in CALLS:
            named = call.path.replace("{card_number}", "{number}").replace("operator}", "username}")
            if API + named not in own or call.method.lower() not in own[API + named]:
                continue
            headers = cast.headers(call)
            del headers["Authorization"]
            body = None if call.body is None else json.dumps(cast.body(call)).encode()
            answer = inside.ask(call.method, cast.target(call), headers, body)
            assert_refused(answer, "unauthenticated", about=f"{name}: {call.name}")
            asked.add(call.name)
        inside.close()
    assert asked == {call.name for call in CALLS}


def test_internal_calls_are_for_services_only(house: RunningHouse, cast: Cast) -> None:
    urls = house.live().urls
    calls = (
        ("identity", "GET", "/internal/cards/{card_number}", None),
        ("identity", "GET", "/internal/members/{member_id}", None),
        ("identity", "POST", "/internal/cards", b'{"card_numbers": []}'),
        ("catalog", "GET", "/internal/stores", None),
        ("wallet-ledger", "GET", "/internal/place", None),
        ("wallet-ledger", "POST", "/internal/balances", b'{"member_ids": []}'),
    )
    for service, method, path, body in calls:
        inside = Cast(urls[service], cast.people, cast.values)
        for role, person in cast.people.items():
            headers = {"Content-Type": "application/json"}
            if person.token:
                headers["Authorization"] = f"Bearer {person.token}"
            slug = "forbidden" if person.token else "unauthenticated"

            answer = inside.ask(method, cast.filled(path), headers, body)

            assert_refused(answer, slug, about=f"{role} {path}")
        inside.close()
    identity = Cast(urls["identity"], cast.people, cast.values)
    guess = json.dumps({"client_id": "settlement", "client_secret": secrets.token_hex(8)})
    for content in (guess, guess.replace("settlement", "../services/settlement")):
        answer = identity.ask(
            "POST", "/internal/token", {"Content-Type": "application/json"}, content.encode()
        )
        assert_refused(answer, "wrong-credentials")
    identity.close()
