"""The till's rules through the API: the ladder of change, cash-outs, PINs, unknown cards."""

import secrets

import pytest

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import (
    Campus,
    Person,
    made,
    new_member,
    staff,
)

CALLS = {
    "change": {"sale_total": 500, "tendered": 1000},
    "redemptions": {"amount": 500},
    "topups": {"amount": 500},
    "cashouts": {"amount": 500},
}


@pytest.fixture
def till(shared_stores: Campus) -> Person:
    """A till for tests that bring a card of their own."""
    return shared_stores.tills[shared_stores.stores[0]]


@pytest.mark.parametrize(
    ("consent", "change", "save", "saved"),
    [
        (True, 499, None, 499),
        (True, 499, False, 499),
        (True, 500, None, 0),
        (True, 500, False, 0),
        (True, 500, True, 500),
        (True, 1, None, 1),
        (True, 0, True, 0),
        (False, 499, None, 0),
        (False, 499, False, 0),
        (False, 499, True, 499),
        (False, 500, True, 500),
    ],
)
def test_small_change_is_saved_unasked_and_more_only_if_wanted(
    house: RunningHouse, till: Person, consent: bool, change: int, save: bool | None, saved: int
) -> None:
    member = new_member(staff(house, "admin"), auto_save_consent=consent)
    sale: dict[str, object] = {"sale_total": 10_000 - change, "tendered": 10_000}
    if save is not None:
        sale["save"] = save

    answer = made(till.post("/pos/change", {"card_number": member["card_number"], **sale}))

    assert (answer["change"], answer["saved"]) == (change, saved)
    assert (answer["cash_returned"], answer["balance"]) == (change - saved, saved)


def test_a_sale_without_saving_is_in_no_statement(campus: Campus) -> None:
    store_id = campus.stores[0]
    till = campus.tills[store_id]
    sale = {"card_number": campus.card_number, "sale_total": 5000, "tendered": 5000}

    answer = made(till.post("/pos/change", sale))

    assert campus.member.get("/wallets/me/transactions").json()["items"] == []
    place = {"at_least": answer["ledger_position"]}
    assert till.get(f"/stores/{store_id}/transactions", **place).json()["items"] == []


def test_equal_buckets_are_spent_in_the_order_of_store_ids(shopper: Campus) -> None:
    one, two, three = shopper.stores
    card = {"card_number": shopper.card_number}
    for store_id in (three, two):
        made(shopper.tills[store_id].post("/pos/topups", {**card, "amount": 300}))

    spent = made(shopper.tills[one].post("/pos/redemptions", {**card, "amount": 400}))

    assert spent["allocations"] == [
        {"issuer": two, "amount": 300},
        {"issuer": three, "amount": 100},
    ]


def test_cash_comes_only_out_of_what_this_store_holds(shopper: Campus) -> None:
    one, two, three = (shopper.tills[store_id] for store_id in shopper.stores)
    card = {"card_number": shopper.card_number}
    made(one.post("/pos/topups", {**card, "amount": 1000}))
    made(two.post("/pos/topups", {**card, "amount": 250}))

    refused = two.post("/pos/cashouts", {**card, "amount": 251})
    nothing = three.post("/pos/cashouts", {**card, "amount": 1})
    paid = made(two.post("/pos/cashouts", {**card, "amount": 250}))

    for answer, available in ((refused, 250), (nothing, 0)):
        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/insufficient-funds"
        assert (answer.json()["available"], answer.json()["shortfall"]) == (available, 1)
    assert (paid["amount"], paid["balance"]) == (250, 1000)
    wallet = shopper.member.get("/wallets/me").json()
    assert wallet["buckets"] == [{"issuer": shopper.stores[0], "balance": 1000}]


@pytest.mark.parametrize("call", ["redemptions", "cashouts"])
def test_over_a_hundred_thousand_a_pin_is_needed(shopper: Campus, call: str) -> None:
    till = shopper.tills[shopper.stores[0]]
    card = {"card_number": shopper.card_number}
    made(till.post("/pos/topups", {**card, "amount": 300_000}))

    over = till.post(f"/pos/{call}", {**card, "amount": 100_001})
    with_pin = till.post(f"/pos/{call}", {**card, "amount": 100_001, "pin": "123456"})
    enough = till.post(f"/pos/{call}", {**card, "amount": 100_000})

    for answer in (over, with_pin):  # no member has one yet
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/pin-required")
    assert made(enough)["balance"] == 200_000


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_card_is_refused_by_name_and_the_refusal_is_kept(
    till: Person, call: str
) -> None:
    token = secrets.token_hex(4)
    body = {"card_number": "0000999988887777", **CALLS[call]}

    first, again = (till.post(f"/pos/{call}", body, key=f"{call} {token}") for _ in range(2))

    assert (first.status_code, first.json()["type"]) == (404, "/problems/unknown-card")
    assert (again.status_code, again.content) == (404, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_less_than_the_sale_is_no_payment(shopper: Campus) -> None:
    sale = {"card_number": shopper.card_number, "sale_total": 1001, "tendered": 1000}

    answer = shopper.tills[shopper.stores[0]].post("/pos/change", sale)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["tendered"]


def test_a_wallet_holds_the_largest_amounts_and_a_store_is_the_token_s(shopper: Campus) -> None:
    till = shopper.tills[shopper.stores[0]]
    card = {"card_number": shopper.card_number, "amount": 10**12}

    rich = made(till.post("/pos/topups", card))
    foreign = till.post("/pos/topups", {**card, "store_id": shopper.stores[1]})

    assert rich["balance"] == 10**12
    assert foreign.status_code == 422
    buckets = shopper.member.get("/wallets/me").json()["buckets"]
    assert buckets == [{"issuer": shopper.stores[0], "balance": 10**12}]
