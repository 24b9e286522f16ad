"""Many at once: one key is one event, one balance is spent once, and answers are kept."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import Campus, made, staff

REPLAYED = "Idempotent-Replayed"


def at_once(times: int, ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Return the answers to `times` requests that are all on the way together."""
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(ask, range(times)))


def one_answer(answers: list[httpx.Response]) -> httpx.Response:
    """Return the answer that all are: equal to the byte, all but one of them a repeat."""
    assert Counter((a.status_code, a.content) for a in answers).most_common(1)[0][1] == len(answers)
    assert Counter(a.headers.get(REPLAYED) for a in answers) == {"true": len(answers) - 1, None: 1}
    return answers[0]


@pytest.mark.parametrize(
    ("call", "fields", "left"),
    [
        ("topups", {"amount": 700}, 1700),
        ("change", {"sale_total": 9_300, "tendered": 10_000, "save": True}, 1700),
        ("redemptions", {"amount": 700}, 300),
        ("cashouts", {"amount": 700}, 300),
    ],
)
def test_fifty_posts_with_one_key_are_one_event(
    shopper: Campus, call: str, fields: dict[str, object], left: int
) -> None:
    till = shopper.tills[shopper.stores[0]]
    card = {"card_number": shopper.card_number}
    made(till.post("/pos/topups", {**card, "amount": 1000}))

    answers = at_once(
        50, lambda _: till.post(f"/pos/{call}", {**card, **fields}, key=shopper.member_id)
    )

    event = made(one_answer(answers))
    assert event["balance"] == left
    entries = shopper.member.get("/wallets/me/transactions").json()["items"]
    assert [entry["event_id"] for entry in entries][1:] == [event["event_id"]]
    assert shopper.member.get("/wallets/me").json()["balance"] == left


def test_fifty_posts_of_one_store_make_one(house: RunningHouse, shopper: Campus) -> None:
    admin = staff(house, "admin")
    store = {"store_id": f"toko-{shopper.card_number}", "name": "Toko Baru", "address": "Denpasar"}

    answers = at_once(50, lambda _: admin.post("/stores", store, key=store["store_id"]))

    assert made(one_answer(answers)) == {**store, "kind": "store", "state": "active"}


def test_ten_registrations_with_one_key_make_one_member_and_show_one_password(
    house: RunningHouse, shopper: Campus
) -> None:
    admin = staff(house, "admin")
    person = {"name": "Rani", "address": "Denpasar", "identity_number": shopper.stores[0]}
    person |= {"auto_save_consent": True}
    before = admin.get("/members", limit=1).json()["total"]

    answers = at_once(10, lambda _: admin.post("/members", person, key=shopper.member_id))

    shown = [made(answer) for answer in answers]
    assert len({member["member_id"] for member in shown}) == 1
    passwords = [member.pop("password") for member in shown]
    assert sum(password is not None for password in passwords) == 1  # what is kept has none
    assert all(member == shown[0] for member in shown)
    assert admin.get("/members", limit=1).json()["total"] == before + 1


def test_of_a_hundred_redemptions_of_one_balance_one_succeeds(shopper: Campus) -> None:
    card = {"card_number": shopper.card_number, "amount": 5000}
    tills = [shopper.tills[store_id] for store_id in shopper.stores]
    made(tills[0].post("/pos/topups", card))

    answers = at_once(100, lambda n: tills[n % 3].post("/pos/redemptions", card))

    assert Counter(a.status_code for a in answers) == {201: 1, 409: 99}
    for refusal in (a.json() for a in answers if a.status_code == 409):
        assert refusal["type"] == "/problems/insufficient-funds"
        assert (refusal["available"], refusal["shortfall"]) == (0, 5000)
    wallet = shopper.member.get("/wallets/me").json()
    assert (wallet["balance"], wallet["buckets"], wallet["version"]) == (0, [], 2)


def test_a_refusal_repeats_as_it_was_even_after_a_top_up(shopper: Campus) -> None:
    till = shopper.tills[shopper.stores[0]]
    card = {"card_number": shopper.card_number, "amount": 600}
    made(till.post("/pos/topups", {**card, "amount": 500}))
    refused = till.post("/pos/redemptions", card, key=shopper.member_id)
    made(till.post("/pos/topups", {**card, "amount": 500}))

    again = till.post("/pos/redemptions", card, key=shopper.member_id)

    assert (refused.status_code, refused.headers.get(REPLAYED)) == (409, None)
    assert (again.status_code, again.content) == (409, refused.content)
    assert again.headers[REPLAYED] == "true"
    assert again.json() == {
        "type": "/problems/insufficient-funds",
        "title": "The balance does not suffice",
        "status": 409,
        "detail": "The balance does not suffice",
        "available": 500,
        "shortfall": 100,
    }
    assert shopper.member.get("/wallets/me").json()["balance"] == 1000


def test_a_key_belongs_to_its_caller_path_and_body(shopper: Campus) -> None:
    one, two = (shopper.tills[store_id] for store_id in shopper.stores[:2])
    topup = {"card_number": shopper.card_number, "amount": 500}
    made(one.post("/pos/topups", topup, key=shopper.member_id))

    for path, body in (("topups", {**topup, "amount": 501}), ("redemptions", topup)):
        reused = one.post(f"/pos/{path}", body, key=shopper.member_id)
        assert reused.status_code == 422
        assert reused.json()["type"] == "/problems/idempotency-key-reused"

    spelled = b'{ "amount": 500,\n "card_\\u006eumber": "%s"}' % shopper.card_number.encode()
    headers = {"Idempotency-Key": shopper.member_id, "Content-Type": "application/json"}
    again = one.send("POST", f"{API}/pos/topups", spelled, headers)
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    theirs = made(two.post("/pos/topups", topup, key=shopper.member_id))
    assert theirs["balance"] == 1000
    assert shopper.member.get("/wallets/me").json()["version"] == 2


def test_a_request_that_was_refused_as_malformed_leaves_its_key_free(shopper: Campus) -> None:
    till = shopper.tills[shopper.stores[0]]
    card = {"card_number": shopper.card_number}
    made(till.post("/pos/topups", {**card, "amount": 200_000}))
    statuses = [
        till.post("/pos/redemptions", {**card, "amount": amount}, key=shopper.member_id).status_code
        for amount in (0, 100_001, 100_000)
    ]

    assert statuses == [422, 403, 201]
