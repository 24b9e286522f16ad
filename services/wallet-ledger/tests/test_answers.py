"""What a client is told: every refusal has its problem, every success says what happened."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from wallet_ledger import domain
from wallet_ledger.answers import KEPT, REFUSALS, KeyReused, UnknownCard, accepted, refused
from wallet_ledger.domain import Allocation, Rejected

A, B = Allocation("a", 5), Allocation("b", 2)
SHOWN = [{"issuer": "a", "amount": 5}, {"issuer": "b", "amount": 2}]
UNTIL = datetime(2026, 11, 22, tzinfo=UTC)


def refusals(of: type[Rejected] = Rejected) -> Iterator[type[Rejected]]:
    for kind in of.__subclasses__():
        yield kind
        yield from refusals(kind)


def test_every_refusal_is_in_the_table() -> None:
    assert set(refusals()) == set(REFUSALS)


SHORT = {"available": 3, "shortfall": 2}
ROWS: list[tuple[Rejected, int, str, dict[str, Any]]] = [
    (domain.InsufficientFunds(3, 5), 409, "insufficient-funds", SHORT),
    (UnknownCard(), 404, "unknown-card", {}),
    (KeyReused("k"), 422, "idempotency-key-reused", {}),
    (domain.BalanceTooLarge(1, 2, "amount"), 422, "invalid-request", {"field": "amount"}),
    (domain.TenderedTooLittle(), 422, "invalid-request", {"field": "tendered"}),
    (domain.PaymentTooLarge(), 422, "invalid-request", {"field": "parts"}),
    (domain.NotHeld(), 422, "invalid-request", {"field": "parts"}),
    (domain.UnknownPayment(), 404, "not-found", {}),
    (domain.UnknownReversal(), 404, "not-found", {}),
    (domain.PaymentExists(), 409, "already-exists", {}),
    (domain.HoldExpired(), 409, "hold-expired", {}),
    (domain.NotDue(), 503, "unavailable", {}),
    (domain.WrongState("released"), 409, "wrong-state", {"state": "released"}),
    (domain.RefundTooLarge(3, 5), 409, "wrong-state", {"refundable": 3}),
    (domain.NotReversible(), 409, "wrong-state", {}),
    (domain.OwnRequest(), 403, "forbidden", {}),
]


@pytest.mark.parametrize(("refusal", "status", "slug", "members"), ROWS)
def test_a_refusal_says_why(
    refusal: Rejected, status: int, slug: str, members: dict[str, Any]
) -> None:
    answer = refused(refusal)

    body = json.loads(answer.body)
    assert (answer.status, body["type"], answer.replayed) == (status, f"/problems/{slug}", False)
    fields = [error["field"] for error in body.get("errors", [])]
    assert fields == ([members["field"]] if "field" in members else [])
    assert {name: body.get(name) for name in members if name != "field"} == {
        name: value for name, value in members.items() if name != "field"
    }


def test_the_table_above_has_a_row_for_each() -> None:
    assert [type(row[0]) for row in ROWS] == list(dict.fromkeys(type(row[0]) for row in ROWS))
    assert {type(row[0]) for row in ROWS} == set(REFUSALS)


def test_what_is_kept_for_ever_is_what_a_repeat_must_get() -> None:
    assert {201, 404, 409} == KEPT


def test_a_refusal_that_nobody_described_is_a_fault_of_ours() -> None:
    with pytest.raises(Rejected, match="unheard of"):
        refused(Rejected("unheard of"))


PARTS = (domain.Part("s", 7, (A, B)), domain.Part("t", 5, (A,)))
ENTRY = domain.Entry("e", "1000", "s", "credit", "cash", (A, B))
PAID = [
    domain.PaymentDebited("p", "o", "s", 7, (A, B)),
    domain.PaymentDebited("p", "o", "t", 5, (A,)),
]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (
            [domain.PaymentHeld("p", "o", PARTS, UNTIL)],
            {
                "payment_id": "p",
                "state": "held",
                "amount": 12,
                "parts": [
                    {"store_id": "s", "amount": 7, "allocations": SHOWN},
                    {"store_id": "t", "amount": 5, "allocations": SHOWN[:1]},
                ],
                "expires_at": "2026-11-22T00:00:00.000000Z",
            },
        ),
        (
            [domain.PaymentHoldReleased("p", "o", 12, "expired")],
            {"payment_id": "p", "state": "expired", "amount": 12},
        ),
        (
            [*PAID, domain.PaymentHoldReleased("p", "o", 4, "remainder")],
            {
                "payment_id": "p",
                "state": "debited",
                "amount": 12,
                "parts": [
                    {"store_id": "s", "amount": 7, "allocations": SHOWN},
                    {"store_id": "t", "amount": 5, "allocations": SHOWN[:1]},
                ],
                "released": 4,
            },
        ),
        (
            [domain.PaymentRefunded("p", "o", "s", 7, (A, B))],
            {"payment_id": "p", "store_id": "s", "amount": 7, "allocations": SHOWN},
        ),
        (
            [domain.ReversalRequested("r", "e", "ana", "why")],
            {"reversal_id": "r", "state": "requested", "reversed_event_id": "e"},
        ),
        (
            [domain.ReversalRejected("r", "e", "ana")],
            {"reversal_id": "r", "state": "rejected", "reversed_event_id": "e"},
        ),
        (
            [domain.EntryReversed("r", ENTRY, "ana", "budi", "why")],
            {
                "reversal_id": "r",
                "state": "approved",
                "reversed_event_id": "e",
                "amount": 7,
                "allocations": SHOWN,
            },
        ),
    ],
)
def test_a_success_says_what_happened(events: list[domain.Event], said: dict[str, Any]) -> None:
    hold = domain.Payment("q", "o", "held", UNTIL, (domain.Part("s", 5, (A,)),))
    wallet = domain.Wallet({"a": 20}, payments={"q": hold})
    ids = [str(UUID(int=n)) for n in range(len(events))]

    answer = accepted(ids, events, wallet, "3-7")

    named = {"event_id": ids[0]} if len(ids) == 1 else {"event_ids": ids}
    state = {"balance": 20, "available": 15, "ledger_position": "3-7"}
    assert (answer.status, json.loads(answer.body)) == (201, {**named, **said, **state})
