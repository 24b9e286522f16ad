"""A group decided in memory: each against what those before it left, repeats answered as before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from events.envelope import Cause
from events.outcomes import Outcome
from wallet_ledger.domain import Command, Redeem, Till, TopUpWithCash, Wallet
from wallet_ledger.group import Decision, Moment, Order, decide_group

KANTIN = Till("1000", "kantin", "kasir-1")
RICH = {"w": Wallet({"kantin": 100}, version=4)}


def ids() -> Iterator[UUID]:
    return (UUID(int=n) for n in range(100))


def decided(*orders: Order, earlier: list[Outcome] | None = None) -> Decision:
    moment = Moment(3, 41, datetime(2026, 11, 22, tzinfo=UTC), ids().__next__, "t")
    kept = {(o.caller, o.key): o for o in earlier or []}
    return decide_group(orders, RICH, kept, moment)


def order(key: str, command: Command | None, mark: bytes = b"a", caller: str = "c") -> Order:
    return Order(caller, key, mark, "w", command, Cause("test"))


def test_each_order_sees_what_those_before_it_left() -> None:
    decision = decided(
        order("1", Redeem(KANTIN, 60)),
        order("2", Redeem(KANTIN, 60)),
        order("3", TopUpWithCash(KANTIN, 20)),
        order("4", Redeem(KANTIN, 60)),
    )

    assert [a.status for a in decision.answers] == [201, 409, 201, 201]
    assert decision.wallets["w"] == Wallet({"kantin": 0}, version=7)
    assert [e.version for e in decision.events] == [5, 6, 7]
    positions = [json.loads(a.body).get("ledger_position") for a in decision.answers]
    assert positions == ["3-42", None, "3-43", "3-44"]


@pytest.mark.parametrize(
    ("repeat", "status", "replayed"),
    [
        (order("1", Redeem(KANTIN, 60)), 201, True),
        (order("1", Redeem(KANTIN, 61), mark=b"b"), 422, False),
        (order("1", Redeem(KANTIN, 60), caller="other"), 409, False),
    ],
)
def test_a_repeat_within_a_group(repeat: Order, status: int, replayed: bool) -> None:
    decision = decided(order("1", Redeem(KANTIN, 60)), repeat)

    assert (decision.answers[1].status, decision.answers[1].replayed) == (status, replayed)
    assert (decision.answers[1].body == decision.answers[0].body) is replayed
    assert len(decision.events) == 1


def test_a_kept_refusal_is_repeated_although_it_would_now_succeed() -> None:
    kept = Outcome("c", "1", b"a", 409, b"no")

    decision = decided(order("1", Redeem(KANTIN, 1)), earlier=[kept])

    assert (decision.answers[0].status, decision.answers[0].body) == (409, b"no")
    assert not decision.outcomes


def test_an_unknown_card_is_refused_and_the_refusal_kept() -> None:
    decision = decided(order("1", None))

    assert decision.answers[0].status == 404
    assert b"/problems/unknown-card" in decision.answers[0].body
    assert [o.status for o in decision.outcomes] == [404]
    assert not decision.events
