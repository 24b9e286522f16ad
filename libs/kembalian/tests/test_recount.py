"""The check behind the kill tests finds what it is there to find."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kembalian.testing.errands import CHANNEL, ORDERS, Errand, Kind, Operation, Wallet
from kembalian.testing.orders import hold_of, parts_of
from kembalian.testing.recount import Recorded, commands_of, retrace

WALLET = Wallet("w", "1000", owner=1)
ALLOCATED = [{"issuer": "a", "amount": 300}]
EXPIRED = {"reason": "expired", "payment_id": "p2", "amount": 50}

Story = tuple[list[Errand], list[Recorded]]


def errand(kind: Kind, status: int, said: dict[str, Any], body: dict[str, Any]) -> Errand:
    """Return what was asked at store a, or of the hold that the body names."""
    payment_id = body.pop("payment", "")
    operation = Operation(kind, f"{kind}{payment_id}", WALLET, body, "a", payment_id)
    operation.short = payment_id == "p2"
    operation.status, operation.answer = status, json.dumps(said).encode()
    return Errand(ORDERS if payment_id else "a", "", operation.key, body, [operation])


def left(balance: int, available: int | None = None) -> dict[str, int]:
    return {"balance": balance, "available": balance if available is None else available}


def story() -> Story:
    """Put 1,000 on a card; redeem 300; hold 500 and debit 400 of it; have a hold time out."""
    held = [{"store_id": "a", "amount": 500, "allocations": [{"issuer": "a", "amount": 500}]}]
    paid = [{"store_id": "a", "amount": 400, "allocations": [{"issuer": "a", "amount": 400}]}]
    brief = [{"store_id": "a", "amount": 50, "allocations": [{"issuer": "a", "amount": 50}]}]
    shortfall = {"type": "/problems/insufficient-funds"}
    confirmed = {"event_ids": ["4", "5"], "state": "debited", "amount": 400, "released": 100}
    asked = {"payment": "p1", "parts": parts_of({"a": 400})}
    errands = [
        errand("topup", 201, {"event_id": "1", "amount": 1000, **left(1000)}, {"amount": 1000}),
        errand(
            "redemption",
            201,
            {"event_id": "2", "amount": 300, "allocations": ALLOCATED, **left(700)},
            {"amount": 300},
        ),
        errand(
            "hold",
            201,
            {"event_id": "3", "state": "held", "amount": 500, "parts": held, **left(700, 200)},
            {"payment": "p1", **hold_of("p1", {"a": 500}, 3_600)},
        ),
        errand("cashout", 409, {**shortfall, "available": 200}, {"amount": 201}),
        errand("confirm", 201, {**confirmed, "parts": paid, **left(300)}, asked),
        errand(
            "hold",
            201,
            {"event_id": "6", "state": "held", "amount": 50, "parts": brief, **left(300, 250)},
            {"payment": "p2", **hold_of("p2", {"a": 50}, 1)},
        ),
        errand("redemption", 409, {**shortfall, "available": 300}, {"amount": 301}),
        errand("confirm", 409, {"type": "/problems/hold-expired"}, {"payment": "p2"}),
    ]
    events = [Recorded(str(n), {}) for n in range(1, 7)]
    return errands, [*events, Recorded("7", EXPIRED)]


def told(errands: list[Errand], number: int, **said: Any) -> None:
    """Have a client be told something else."""
    [operation] = errands[number].operations
    operation.answer = json.dumps({**operation.said(), **said}).encode()


def batch(errands: list[Errand]) -> None:
    """Put an atomic batch at the end, refused for its second entry, which was not too large."""
    entries = [Operation("redemption", str(n), WALLET, {"amount": 100}, "a") for n in range(2)]
    entries[1].status = 409
    said = {"type": "/problems/insufficient-funds", "available": 200}
    entries[1].answer = json.dumps(said).encode()
    errands.append(Errand(CHANNEL, "", "b", {}, entries, atomic=True, refused_at=1))


def retraced(errands: list[Errand], events: list[Recorded]) -> tuple[int, list[str]]:
    purse, lines = retrace(commands_of(errands, WALLET, events), events)
    return purse.balance, [line["event_id"] for line in lines]


def test_what_is_as_it_was_told_passes() -> None:
    errands, events = story()

    assert retraced(errands, events) == (300, ["1", "2", "4"])


Lie = Callable[[list[Errand], list[Recorded]], object]
LIES: dict[str, Lie] = {
    "an event that nobody was told of": lambda _, events: events.append(
        replace(events[0], event_id="8")
    ),
    "a hold timed out twice": lambda _, events: events.append(events[-1]),
    "a hold never ended": lambda _, events: events.pop(),
    "what was acknowledged is not recorded": lambda _, events: events.pop(1),
    "a hold that was settled times out": lambda _, events: events.append(
        Recorded("8", {**EXPIRED, "payment_id": "p1"})
    ),
    "not all of a hold was let go": lambda _, events: events.__setitem__(
        -1, Recorded("7", {**EXPIRED, "amount": 49})
    ),
    "a hold was debited that nobody confirmed": lambda errands, _: (
        errands.pop(3) and errands.pop(3)
    ),
    "money was spent that nobody put in": lambda errands, _: errands.pop(0),
    "another balance": lambda errands, _: told(errands, 1, balance=701),
    "another store's money": lambda errands, _: told(
        errands, 1, allocations=[{"issuer": "b", "amount": 300}]
    ),
    "what is held counts as available": lambda errands, _: told(errands, 2, available=700),
    "refused for a wrong reason": lambda errands, _: told(errands, 3, available=199),
    "the remainder was not released": lambda errands, _: told(errands, 4, released=0),
    "a hold in time was refused": lambda errands, _: told(errands, 7, type="/problems/wrong-state"),
    "refused although there was enough": lambda errands, _: (
        errands[6].operations[0].body.update(amount=250)
    ),
    "an answer that is none": lambda errands, _: setattr(errands[0].operations[0], "status", 403),
    "an atomic batch was refused for a good entry": lambda errands, _: batch(errands),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_is_found(lie: str) -> None:
    errands, events = story()
    LIES[lie](errands, events)

    with pytest.raises((AssertionError, KeyError)):
        retraced(errands, events)
