"""Who may: every role at every call, and whose data a role may see."""

import json
import secrets

import pytest

from kembalian.testing.calls import CALLS, ROLES, Call
from kembalian.testing.cast import Cast
from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import guest
from kembalian.testing.refusals import assert_refused, log_heads

NEVER_LOGGED_IN = frozenset({"guest"})
FOREIGN = [
    ("cashier", "/stores/{foreign_store}/transactions"),
    ("operator", "/stores/{foreign_store}/transactions"),
    *(
        (role, f"/reports/{report}?store_id={{foreign_store}}&from=2026-01-01&to=2100-12-31")
        for role in ("cashier", "operator")
        for report in ("receivables", "liabilities")
    ),
    ("member", "/members/{foreign_member}"),
    ("member", "/wallets/{foreign_member}"),
    ("member", "/wallets/{foreign_member}/transactions"),
    ("member", "/cards/{foreign_card}/barcode.svg"),
    ("member", "/cards/{foreign_card}/barcode.png"),
    (
        "member",
        "/reports/member-transactions?member_id={foreign_member}&from=2026-01-01&to=2100-12-31",
    ),
]


def test_the_table_names_every_call_of_the_api_document(house: RunningHouse) -> None:
    document = guest(house).client.get("/openapi.json").json()

    told = {
        (method.upper(), path.removeprefix(API).replace("{number}", "{card_number}"))
        for path, item in document["paths"].items()
        for method in item
    }
    names = {"operators/{operator}": "operators/{username}"}
    known = {(call.method, "/" + names.get(call.path[1:], call.path[1:])) for call in CALLS}
    assert told == known


def test_what_guards_the_logs_sees_an_event_in_each(house: RunningHouse, cast: Cast) -> None:
    before = log_heads(house)
    for path in ("/members", "/stores", "/pos/topups"):
        call = next(call for call in CALLS if call.keyed and call.path == path)
        body = json.dumps(cast.body(call)).encode()
        assert cast.ask("POST", cast.target(call), cast.headers(call), body).status == 201

    after = log_heads(house)

    grown = {service for service, place in after.items() if place != before[service]}
    assert grown == {"identity", "catalog", "wallet-ledger"}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_each_role_gets_what_the_table_says(cast: Cast, call: Call) -> None:
    for role in ROLES:
        token = cast.people[role].token
        headers = {"Idempotency-Key": secrets.token_hex(8), "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None if call.body is None else json.dumps(cast.body(call)).encode()

        answer = cast.ask(call.method, cast.target(call), headers, body)

        if role in call.roles:
            assert answer.status == call.status, (role, answer.content)
        else:
            slug = "unauthenticated" if role in NEVER_LOGGED_IN else "forbidden"
            assert_refused(answer, slug, about=role)


@pytest.mark.parametrize(("role", "path"), FOREIGN)
def test_what_is_somebody_else_s_is_not_there(cast: Cast, role: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {cast.people[role].token}"}

    foreign = cast.ask("GET", cast.filled(API + path), headers)
    own = cast.ask("GET", cast.filled(API + path.replace("foreign_", "own_")), headers)

    assert_refused(foreign, "not-found", about=path)
    assert own.status == 200


def test_a_member_changes_nobody_but_himself(cast: Cast, no_events: None) -> None:
    headers = {
        "Authorization": f"Bearer {cast.people['member'].token}",
        "Content-Type": "application/json",
    }

    answer = cast.ask(
        "PATCH", cast.filled(API + "/members/{foreign_member}"), headers, b'{"name":"Maling"}'
    )

    assert_refused(answer, "not-found")


def test_a_guest_sees_active_stores_and_no_total(cast: Cast) -> None:
    listed = cast.ask("GET", f"{API}/stores?limit=2", {}).json()

    assert set(listed) == {"items", "next_cursor"}
    assert all(store["state"] == "active" for store in listed["items"])


def test_a_guest_cannot_choose_a_card_number(cast: Cast, no_events: None) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8), "Content-Type": "application/json"}
    body = (
        b'{"name":"A","address":"B","identity_number":"1","auto_save_consent":true,'
        b'"card_number":"12345678"}'
    )

    answer = cast.ask("POST", f"{API}/members", headers, body)

    assert_refused(answer, "invalid-request", field="card_number")
