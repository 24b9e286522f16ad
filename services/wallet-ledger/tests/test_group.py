"""A group decided in memory: each against what those before it left, repeats answered as before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from events.envelope import Cause, open_envelope
from events.outcomes import Outcome
from wallet_ledger.answers import Answer, problem
from wallet_ledger.domain import (
    Allocation,
    ApproveReversal,
    Command,
    ConfirmHold,
    Entry,
    ExpireHold,
    Payment,
    PaymentHoldReleased,
    PlaceHold,
    Redeem,
    RefundPayment,
    RejectReversal,
    ReleaseHold,
    RequestReversal,
    Reversal,
    ReversalRejected,
    Till,
    TopUpWithCash,
    Wallet,
)
from wallet_ledger.domain.wallet import PaymentState
from wallet_ledger.group import (
    Decision,
    Moment,
    Named,
    Order,
    decide_group,
    named_by,
    record_of,
    settled,
)

KANTIN = Till("1000", "kantin", "kasir-1")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
RICH = {"w": Wallet({"kantin": 100}, version=4)}


def ids() -> Iterator[UUID]:
    return (UUID(int=n) for n in range(100))


def decided(*orders: Order, earlier: list[Outcome] | None = None) -> Decision:
    moment = Moment(3, 41, NOW, ids().__next__, "t")
    kept = {(o.caller, o.key): o for o in earlier or []}
    return decide_group(orders, RICH, kept, moment)


def order(key: str, asked: Command | Answer, mark: bytes = b"a", caller: str = "c") -> Order:
    return Order(caller, key, mark, "w", asked, Cause("test"))


def test_each_order_sees_what_those_before_it_left() -> None:
    decision = decided(
        order("1", Redeem(KANTIN, 60)),
        order("2", Redeem(KANTIN, 60)),
        order("3", TopUpWithCash(KANTIN, 20)),
        order("4", Redeem(KANTIN, 60)),
    )

    assert [a.status for a in decision.answers] == [201, 409, 201, 201]
    assert decision.wallets["w"] == Wallet({}, version=7)
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


@pytest.mark.parametrize(
    ("slug", "kept"), [("pin-required", False), ("not-found", True), ("unknown-card", True)]
)
def test_what_was_refused_beforehand_is_refused_unless_it_is_a_repeat(
    slug: str, *, kept: bool
) -> None:
    refusal = problem(slug)
    new, repeat = order("new", refusal), order("old", refusal)

    decision = decided(order("old", Redeem(KANTIN, 60)), new, repeat)

    first, refused, again = decision.answers
    assert refused == refusal
    assert (again.body, again.replayed) == (first.body, True)
    assert [o.status for o in decision.outcomes] == [201, *([404] if kept else [])]
    assert decision.unkept == (not kept)  # its key is looked up before it is told
    assert len(decision.events) == 1


PLACE = PlaceHold("p", "o", (("fotokopi", 30), ("kantin", 50)), 60)
ENTRY = Entry("e", "1000", "kantin", "credit", "cash", (Allocation("kantin", 7),))


def test_all_events_of_one_order_are_written_and_named_in_its_answer() -> None:
    decision = decided(
        order("1", PLACE),
        order("2", ConfirmHold("p", (("fotokopi", 30), ("kantin", 40)))),
        order("3", Redeem(KANTIN, 30)),
    )

    assert [a.status for a in decision.answers] == [201] * 3
    assert [e.type.split(".")[2] for e in decision.events] == [
        "PaymentHeld",
        "PaymentDebited",
        "PaymentDebited",
        "PaymentHoldReleased",
        "ChangeRedeemed",
    ]
    assert [e.version for e in decision.events] == [5, 6, 7, 8, 9]
    body = json.loads(decision.answers[1].body)
    assert body["event_ids"] == [str(e.event_id) for e in decision.events[1:4]]
    assert (body["ledger_position"], body["balance"]) == ("3-45", 30)
    assert json.loads(decision.answers[2].body)["ledger_position"] == "3-46"
    balances = [open_envelope(e.body).data.model_dump()["balance"] for e in decision.events]
    assert balances == [100, 70, 30, 30, 0]
    assert decision.touched == {("w", "p")}  # the redemption moved no record
    assert decision.wallets["w"].payments["p"].state == "debited"


def test_what_is_neither_kept_nor_repeated_is_counted() -> None:
    decision = decided(
        order("1", PLACE),
        order("2", ConfirmHold("p", (("kantin", 51),))),  # 422
        order("3", ExpireHold("p")),  # 503: not yet
        order("4", Redeem(KANTIN, 21)),  # 409
        order("5", ReleaseHold("q")),  # 404
        order("1", PLACE),
    )

    assert [a.status for a in decision.answers] == [201, 422, 503, 409, 404, 201]
    assert decision.unkept == 2
    assert [o.key for o in decision.outcomes] == ["1", "4", "5"]
    assert decision.answers[5].replayed


@pytest.mark.parametrize(
    ("asked", "payments", "reversals"),
    [
        (Redeem(KANTIN, 1), [], []),
        (problem("not-found"), [], []),
        (PlaceHold("p", "o", (("kantin", 1),), 1), [("w", "p")], []),
        (ConfirmHold("q"), [("w", "q")], []),
        (ConfirmHold("known"), [], []),
        (RefundPayment("q", "kantin", 1), [("w", "q")], []),
        (RequestReversal("r", ENTRY, "ana", "why"), [], [("w", "e")]),
        (ApproveReversal("r", ENTRY, "budi"), [], [("w", "r")]),
        (RejectReversal("r", "budi"), [], [("w", "r")]),
    ],
)
def test_what_a_command_names_is_loaded_before_it_is_decided(
    asked: Command | Answer, payments: list[tuple[str, str]], reversals: list[tuple[str, str]]
) -> None:
    known = Payment("known", "o", "held", NOW, ())
    wallets = {"w": Wallet(payments={"known": known})}

    assert named_by([order("1", asked)], wallets) == Named(payments, reversals)


def test_a_writer_keeps_only_what_is_set_aside_now() -> None:
    states: tuple[PaymentState, ...] = ("held", "debited", "released", "expired")
    payments = {state: Payment(state, "o", state, NOW, ()) for state in states}
    reversal = Reversal("r", "e", "requested", "ana", "why")
    wallet = Wallet({"a": 1}, 7, payments, {"r": reversal})

    assert settled(wallet) == Wallet({"a": 1}, 7, {"held": payments["held"]})
    assert settled(Wallet({"a": 1}, 7, reversals={"r": reversal})) == Wallet({"a": 1}, 7)
    plain = Wallet({"a": 1}, 7)
    assert settled(plain) is plain


def test_the_record_of_an_event_is_that_of_its_payment_or_reversal() -> None:
    assert record_of(PaymentHoldReleased("p", "o", 1, "released")) == "p"
    assert record_of(ReversalRejected("r", "e", "budi")) == "r"
