"""An order is paid out of one wallet: held, debited, let go, refunded to where it came from."""

import secrets
import time

import pytest

from kembalian.testing.house import RunningHouse
from kembalian.testing.orders import Orders
from kembalian.testing.people import Campus, made

PATIENCE_SECONDS = 60.0


@pytest.fixture
def orders(house: RunningHouse) -> Orders:
    return Orders(house)


@pytest.fixture
def rich(shopper: Campus) -> Campus:
    """500 at the first store, 300 at the second, 100 at the third."""
    for store_id, amount in zip(shopper.stores, (500, 300, 100), strict=True):
        made(shopper.tills[store_id].post("/pos/topups", card(shopper, amount)))
    return shopper


def card(campus: Campus, amount: int) -> dict[str, object]:
    return {"card_number": campus.card_number, "amount": amount}


def wallet(campus: Campus) -> tuple[int, int, dict[str, int]]:
    found = campus.member.get("/wallets/me").json()
    return (
        found["balance"],
        found["available"],
        {b["issuer"]: b["balance"] for b in found["buckets"]},
    )


def shown(allocations: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(a["issuer"], a["amount"]) for a in allocations]


def test_an_order_over_two_stores_is_held_debited_and_refunded(
    rich: Campus, orders: Orders
) -> None:
    one, two, three = rich.stores
    payment = secrets.token_hex(8)

    held = made(orders.hold(rich.member_id, payment, {three: 250, two: 350}))

    assert [(p["store_id"], shown(p["allocations"])) for p in held["parts"]] == [
        (two, [(two, 300), (one, 50)]),
        (three, [(three, 100), (one, 150)]),
    ]
    assert wallet(rich)[:2] == (900, 300)
    too_much = rich.tills[one].post("/pos/redemptions", card(rich, 301))
    assert (too_much.status_code, too_much.json()["available"]) == (409, 300)
    assert rich.tills[two].post("/pos/cashouts", card(rich, 1)).status_code == 409

    paid = made(orders.confirm(rich.member_id, payment, {two: 350, three: 200}))

    assert (paid["state"], paid["amount"], paid["released"]) == ("debited", 550, 50)
    assert len(paid["event_ids"]) == 3
    assert wallet(rich) == (350, 350, {one: 350})
    assert orders.confirm(rich.member_id, payment).json()["type"] == "/problems/wrong-state"

    back = made(orders.refund(rich.member_id, payment, two, 60))

    assert shown(back["allocations"]) == [(one, 50), (two, 10)]
    beyond = orders.refund(rich.member_id, payment, two, 291)
    assert (beyond.status_code, beyond.json()["refundable"]) == (409, 290)
    assert wallet(rich) == (410, 410, {one: 400, two: 10})
    lines = rich.member.get("/wallets/me/transactions").json()["items"][3:]
    assert [(x["kind"], x["store_id"], x["saved"], x["paid"]) for x in lines] == [
        ("payment", two, 0, 350),
        ("payment", three, 0, 200),
        ("refund", two, 60, 0),
    ]


def test_a_hold_that_nobody_confirms_ends_by_itself(rich: Campus, orders: Orders) -> None:
    payment = secrets.token_hex(8)
    made(orders.hold(rich.member_id, payment, {rich.stores[0]: 900}, seconds=3))
    assert wallet(rich)[:2] == (900, 0)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while orders.payment(rich.member_id, payment)["state"] == "held":
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert orders.payment(rich.member_id, payment)["state"] == "expired"
    assert wallet(rich)[:2] == (900, 900)
    late = orders.confirm(rich.member_id, payment)
    assert (late.status_code, late.json()["type"]) == (409, "/problems/hold-expired")


def test_what_is_let_go_can_be_spent_and_cannot_be_confirmed(rich: Campus, orders: Orders) -> None:
    payment = secrets.token_hex(8)
    made(orders.hold(rich.member_id, payment, {rich.stores[0]: 900}))

    made(orders.release(rich.member_id, payment))

    made(rich.tills[rich.stores[2]].post("/pos/redemptions", card(rich, 900)))
    assert orders.confirm(rich.member_id, payment).status_code == 409


def test_bad_holds_are_refused_by_name(rich: Campus, orders: Orders) -> None:
    store, payment = rich.stores[0], secrets.token_hex(8)
    made(orders.hold(rich.member_id, payment, {store: 100}))

    refusals = [
        orders.hold(rich.member_id, payment, {store: 100}),
        orders.hold(rich.member_id, "p2", {store: 801}),
        orders.hold(rich.member_id, "p3", {"nowhere": 1}),
        orders.hold("019aa6f2-7000-7000-8000-0000000000ff", "p4", {store: 1}),
        orders.confirm(rich.member_id, payment, {store: 101}),
        orders.confirm(rich.member_id, "unknown"),
    ]

    assert [(r.status_code, r.json()["type"].rsplit("/", 1)[1]) for r in refusals] == [
        (409, "already-exists"),
        (409, "insufficient-funds"),
        (403, "store-not-authorised"),
        (404, "not-found"),
        (422, "invalid-request"),
        (404, "not-found"),
    ]
    assert wallet(rich)[:2] == (900, 800)
