"""The check behind the kill tests finds a refund or a reversal that is not as it was told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kembalian.testing.client import in_order
from kembalian.testing.debts import Debts
from kembalian.testing.errands import ADMIN, FINANCE, Errand, Kind, Operation, Wallet
from kembalian.testing.orders import hold_of
from kembalian.testing.purse import Purse
from kembalian.testing.recount import Recorded, commands_of, retrace
from kembalian.testing.standing import check_rest, check_reversals

WALLET = Wallet("w", "1000", owner=1)
WRONG_STATE = "/problems/wrong-state"

PAID = [{"issuer": "a", "amount": 600}, {"issuer": "b", "amount": 100}]

Told = dict[str, Errand]
"""What was asked, in order, by a name that a lie finds it by."""


def errand(
    kind: Kind,
    said: dict[str, Any],
    body: dict[str, Any],
    status: int = 201,
    *,
    store_id: str = "a",
    payment_id: str = "",
    reversal_id: str = "",
    by: str = "",
) -> Errand:
    """Return what was asked at a store, of a payment or of a reversal, and how it was answered."""
    operation = Operation(kind, "", WALLET, body, store_id, payment_id)
    operation.reversal_id, operation.by = reversal_id, by
    operation.status, operation.answer = status, json.dumps(said).encode()
    return Errand("", "", "", body, [operation], status=status, answer=operation.answer)


def left(balance: int, available: int | None = None) -> dict[str, int]:
    return {"balance": balance, "available": balance if available is None else available}


def spent(**amounts: int) -> list[dict[str, Any]]:
    return [{"issuer": issuer, "amount": amount} for issuer, amount in amounts.items()]


def refund(amount: int, said: dict[str, Any], status: int = 201) -> Errand:
    named = {"payment_id": "p", "store_id": "a", "amount": amount}
    said = {**named, **said} if status == 201 else said
    return errand("refund", said, {"store_id": "a", "amount": amount}, status, payment_id="p")


def asked(reversal_id: str, event_id: str) -> dict[str, Any]:
    return {"reversal_id": reversal_id, "state": "requested", "reversed_event_id": event_id}


def request(event_id: str, by: str, said: dict[str, Any], status: int = 201) -> Errand:
    return errand("request", said, {"event_id": event_id}, status, by=by)


def decision(
    kind: Kind, reversal_id: str, by: str, said: dict[str, Any], status: int = 201
) -> Errand:
    named = {"reversal_id": reversal_id} if status == 201 else {}
    return errand(kind, {**named, **said}, {}, status, reversal_id=reversal_id, by=by)


def story() -> tuple[Told, list[Recorded]]:
    """Refund 600 of 700; undo a spending of 300; keep and then undo a credit of 400."""
    paid = {"amount": 700, "parts": [{"store_id": "a", "amount": 700, "allocations": PAID}]}
    topped_up = {"event_id": "2", "amount": 400, **left(1_000)}
    held = {"event_id": "3", "state": "held", **paid, **left(1_000, 300)}
    confirmed = {"event_id": "4", "state": "debited", "released": 0, **paid, **left(300)}
    redeemed = {"amount": 300, "allocations": spent(a=300)}
    restored = {"event_id": "9", "state": "approved", "reversed_event_id": "7", **redeemed}
    kept = {"event_id": "11", "state": "rejected", "reversed_event_id": "2"}
    undone = {"event_id": "13", "state": "approved", "reversed_event_id": "2", "amount": 400}
    shortfall = {"type": "/problems/insufficient-funds", "available": 500}
    told = {
        "a's": errand("topup", {"event_id": "1", "amount": 600, **left(600)}, {"amount": 600}),
        "b's": errand("topup", topped_up, {"amount": 400}, store_id="b"),
        "hold": errand("hold", held, hold_of("p", {"a": 700}, 3_600), payment_id="p"),
        "confirm": errand("confirm", confirmed, {}, payment_id="p"),
        "refund": refund(150, {"event_id": "5", "allocations": spent(b=100, a=50), **left(450)}),
        "beyond": refund(551, {"type": WRONG_STATE, "refundable": 550}, 409),
        "second": refund(450, {"event_id": "6", "allocations": spent(a=450), **left(900)}),
        "spent": errand("redemption", {"event_id": "7", **redeemed, **left(600)}, {"amount": 300}),
        "ask": request("7", ADMIN, {"event_id": "8", **asked("r1", "7"), **left(600)}),
        "own": decision("approve", "r1", ADMIN, {"type": "/problems/forbidden"}, 403),
        "undo": decision("approve", "r1", FINANCE, {**restored, **left(900)}),
        "late": decision("reject", "r1", ADMIN, {"type": WRONG_STATE, "state": "approved"}, 409),
        "again": request("7", ADMIN, {"type": WRONG_STATE, "state": "approved"}, 409),
        "payment": request("4", ADMIN, {"type": WRONG_STATE}, 409),
        "a's credit": request("1", ADMIN, shortfall, 409),
        "b's credit": request("2", FINANCE, {"event_id": "10", **asked("r2", "2"), **left(900)}),
        "keep": decision("reject", "r2", FINANCE, {**kept, **left(900)}),
        "ask again": request("2", FINANCE, {"event_id": "12", **asked("r3", "2"), **left(900)}),
        "undo b's": decision(
            "approve", "r3", ADMIN, {**undone, "allocations": spent(b=400), **left(500)}
        ),
    }
    return told, [Recorded(str(n), {}) for n in range(1, 14)]


def says(told: Told, name: str, **said: Any) -> None:
    """Have a client be told something else."""
    [operation] = told[name].operations
    operation.answer = json.dumps({**operation.said(), **said}).encode()


def acknowledged(told: Told, name: str, events: list[Recorded], before: str, **said: Any) -> None:
    """Have what was refused be done, and recorded before another event."""
    told[name].operations[0].status = 201
    says(told, name, event_id="14", **said)
    record(events, before)


def record(events: list[Recorded], before: str) -> None:
    place = [event.event_id for event in events].index(before)
    events.insert(place, Recorded("14", {}))


def forget(events: list[Recorded], event_id: str) -> None:
    events.remove(Recorded(event_id, {}))


def retraced(told: Told, events: list[Recorded]) -> tuple[Purse, list[dict[str, Any]]]:
    return retrace(commands_of(told.values(), WALLET, events), events)


def test_refunds_and_reversals_that_are_as_they_were_told_pass() -> None:
    purse, lines = retraced(*story())

    assert {issuer: amount for issuer, amount in purse.buckets.items() if amount} == {"a": 500}
    assert [(x["event_id"], x["kind"], x["saved"], x["paid"]) for x in lines[2:]] == [
        ("4", "payment", 0, 700),
        ("5", "refund", 150, 0),
        ("6", "refund", 450, 0),
        ("7", "redemption", 0, 300),
        ("9", "reversal", 300, 0),
        ("13", "reversal", 0, 400),
    ]
    assert [each.state for each in purse.past.reversals.values()] == [
        "approved",
        "rejected",
        "approved",
    ]


BEYOND = {"payment_id": "p", "store_id": "a", "amount": 551, "allocations": spent(b=1, a=550)}
Lie = Callable[[Told, list[Recorded]], object]
LIES: dict[str, Lie] = {
    "a refund done twice": lambda _, events: record(events, "6"),
    "a refund not done": lambda _, events: forget(events, "5"),
    "refunded beyond what was paid": lambda told, events: acknowledged(
        told, "beyond", events, "6", **{**BEYOND, **left(1_001)}
    ),
    "refused, and yet refunded": lambda _, events: record(events, "7"),
    "refunded to another bucket": lambda told, _: says(told, "refund", allocations=spent(c=150)),
    "refunded in another order": lambda told, _: says(told, "refund", allocations=spent(a=150)),
    "another amount refunded": lambda told, _: says(told, "second", amount=449),
    "a refund that is no balance": lambda told, _: says(told, "second", **left(450)),
    "a refund of what is left, refused": lambda told, _: (
        told["beyond"].operations[0].body.update(amount=550)
    ),
    "another rest": lambda told, _: says(told, "beyond", refundable=549),
    "a reversal done twice": lambda _, events: record(events, "10"),
    "a reversal not done": lambda _, events: forget(events, "9"),
    "a request not recorded": lambda _, events: forget(events, "8"),
    "another amount undone": lambda told, _: says(told, "undo", amount=299),
    "undone in another bucket": lambda told, _: says(told, "undo", allocations=spent(b=300)),
    "undone, and nothing moved": lambda told, _: says(told, "undo", **left(600)),
    "undone with the wrong sign": lambda told, _: says(told, "undo b's", **left(1_300)),
    "another entry undone": lambda told, _: says(told, "undo", reversed_event_id="2"),
    "rejected, and money moved": lambda told, _: says(told, "keep", **left(500)),
    "rejected, and yet undone": lambda told, _: says(told, "keep", state="approved"),
    "undone by who asked": lambda told, events: acknowledged(
        told, "own", events, "9", state="approved", reversed_event_id="7", **left(900)
    ),
    "undone, and then rejected": lambda told, events: acknowledged(
        told, "late", events, "10", state="rejected", reversed_event_id="7", **left(900)
    ),
    "asked for although it is undone": lambda told, events: acknowledged(
        told, "again", events, "10", **asked("r4", "7"), **left(900)
    ),
    "a payment to be undone": lambda told, events: acknowledged(
        told, "payment", events, "10", **asked("r4", "4"), **left(900)
    ),
    "a credit to be undone that is spent": lambda told, events: acknowledged(
        told, "a's credit", events, "10", **asked("r4", "1"), **left(900)
    ),
    "one reversal for two requests": lambda told, _: says(told, "ask again", reversal_id="r2"),
    "refused for another state": lambda told, _: says(told, "late", state="rejected"),
    "refused for a state it has not": lambda told, _: says(told, "payment", state="approved"),
    "refused for money that is there": lambda told, _: says(told, "a's credit", available=600),
    "a second person forbidden": lambda told, _: setattr(told["own"].operations[0], "by", FINANCE),
    "who asks is forbidden to": lambda told, _: setattr(told["ask"].operations[0], "status", 403),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_correction_that_is_not_as_it_was_told_is_found(lie: str) -> None:
    told, events = story()
    LIES[lie](told, events)

    with pytest.raises((AssertionError, KeyError)):
        retraced(told, events)


LISTED = {"r1": ("approved", "7"), "r2": ("rejected", "2"), "r3": ("approved", "2")}
OTHER_LISTS: dict[str, dict[str, tuple[str, str]]] = {
    "one is missing": {name: LISTED[name] for name in ("r1", "r2")},
    "one that nobody asked for": {**LISTED, "r4": ("requested", "1")},
    "another state": {**LISTED, "r2": ("requested", "2")},
    "another entry": {**LISTED, "r1": ("approved", "2")},
}


@pytest.mark.parametrize("other", OTHER_LISTS)
def test_a_list_of_reversals_that_is_not_as_it_was_told_is_found(other: str) -> None:
    purse, _ = retraced(*story())
    check_reversals(purse, LISTED)

    with pytest.raises(AssertionError):
        check_reversals(purse, OTHER_LISTS[other])


OTHER_RESTS: dict[str, list[dict[str, Any]]] = {
    "all is left": [{"store_id": "a", "amount": 700, "allocations": PAID}],
    "nothing is left": [],
    "another bucket's": [{"store_id": "a", "amount": 100, "allocations": spent(b=100)}],
    "another sum": [{"store_id": "a", "amount": 99, "allocations": spent(a=100)}],
}


@pytest.mark.parametrize("other", OTHER_RESTS)
def test_a_payment_whose_rest_is_not_as_it_was_told_is_found(other: str) -> None:
    purse, _ = retraced(*story())
    check_rest(purse, "p", [{"store_id": "a", "amount": 100, "allocations": spent(a=100)}])

    with pytest.raises(AssertionError):
        check_rest(purse, "p", OTHER_RESTS[other])


def test_what_is_refunded_or_undone_is_owed_no_longer() -> None:
    _, lines = retraced(*story())
    debts, without = Debts(), Debts()
    for line in lines:
        debts.take(line)
    for line in (x for x in lines if x["kind"] not in {"refund", "reversal"}):
        without.take(line)

    assert (debts.receivable["a"], debts.liability["b"]) == (0, 0)
    assert (without.receivable["a"], without.liability["b"]) == (100, 100)
    assert (debts.issued["a"], debts.issued["b"]) == (500, 0)


def test_of_two_at_once_the_one_that_was_done_comes_before_the_one_it_left_nothing() -> None:
    told, _ = story()
    done, spent_before, refused = told["undo"], told["a's credit"], told["late"]

    assert in_order([refused, done]) == [done, refused]
    assert in_order([done, spent_before]) == [spent_before, done]
