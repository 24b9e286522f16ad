"""Undoing an entry: a row per kind of entry, a row per refusal."""

from datetime import UTC, datetime, timedelta

import pytest

from wallet_ledger.domain import (
    BALANCE_MAX,
    Allocation,
    ApproveReversal,
    BalanceTooLarge,
    CashedOut,
    CashOut,
    ChangeRedeemed,
    ChangeSaved,
    Command,
    Entry,
    EntryReversed,
    InsufficientFunds,
    NotReversible,
    OwnRequest,
    PlaceHold,
    Posting,
    Redeem,
    Rejected,
    RejectReversal,
    RequestReversal,
    Reversal,
    ReversalRejected,
    ReversalRequested,
    SaleRecorded,
    Till,
    TillEvent,
    TopUp,
    UnknownReversal,
    Wallet,
    WrongState,
    decide,
    entry_of,
    evolve,
    fold,
    postings,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TILL = Till("1000", "a", "kasir")
SPENT = (Allocation("a", 5), Allocation("b", 2))
TOP_UP = TopUp(TILL, "a", 7)
REDEEMED = ChangeRedeemed(TILL, 7, SPENT)


def ask(event: TillEvent, by: str = "ana", reversal_id: str = "r") -> RequestReversal:
    return RequestReversal(reversal_id, entry_of("e", event), by, "typed twice")


def approve(event: TillEvent, by: str = "budi", reversal_id: str = "r") -> ApproveReversal:
    return ApproveReversal(reversal_id, entry_of("e", event), by)


def after(wallet: Wallet, *commands: Command) -> Wallet:
    for command in commands:
        wallet = fold(decide(wallet, command, NOW), wallet)
    return wallet


@pytest.mark.parametrize(
    ("event", "before", "after_it", "legs"),
    [
        (
            TOP_UP,
            {"a": 7, "b": 1},
            {"b": 1},
            [("wallet:w:a", -7), ("store:a:cash", 7)],
        ),
        (
            ChangeSaved(TILL, "a", 7, 93, 100, 0),
            {"a": 9},
            {"a": 2},
            [("wallet:w:a", -7), ("store:a:cash", 7)],
        ),
        (
            REDEEMED,
            {},
            {"a": 5, "b": 2},
            [("wallet:w:a", 5), ("wallet:w:b", 2), ("store:a:redeemed", -7)],
        ),
        (
            CashedOut(TILL, 7, (Allocation("a", 7),)),
            {"a": 1},
            {"a": 8},
            [("wallet:w:a", 7), ("store:a:cash", -7)],
        ),
    ],
)
def test_every_kind_of_entry_is_undone(
    event: TillEvent, before: dict[str, int], after_it: dict[str, int], legs: list[tuple[str, int]]
) -> None:
    wallet = after(Wallet(before), ask(event))
    assert (wallet.buckets, wallet.version) == (before, 1)

    (undone,) = decide(wallet, approve(event), NOW)

    entry = entry_of("e", event)
    assert undone == EntryReversed("r", entry, "ana", "budi", "typed twice")
    assert entry.amount == 7
    assert postings("w", undone) == tuple(Posting(account, n) for account, n in legs)
    assert postings("w", event) == tuple(Posting(account, -n) for account, n in legs)
    wallet = evolve(wallet, undone)
    assert wallet.buckets == after_it
    assert wallet.reversals["r"] == Reversal("r", "e", "approved", "ana", "typed twice")


def test_what_an_entry_is_says_all_that_its_reversal_needs() -> None:
    assert entry_of("e", TOP_UP) == Entry("e", "1000", "a", "credit", "cash", (Allocation("a", 7),))
    assert entry_of("e", REDEEMED) == Entry("e", "1000", "a", "debit", "redeemed", SPENT)
    out = CashedOut(TILL, 7, (Allocation("a", 7),))
    assert entry_of("e", out) == Entry("e", "1000", "a", "debit", "cash", out.allocations)
    with pytest.raises(NotReversible, match="e"):
        entry_of("e", SaleRecorded(TILL, 93, 100, 7))


ASKED = after(Wallet({"a": 7}), ask(TOP_UP))
APPROVED = after(ASKED, approve(TOP_UP))
REJECTED = after(ASKED, RejectReversal("r", "budi"))
SIX = Wallet({"a": 6, "b": 100})
FULL = Wallet({"a": BALANCE_MAX - 6})
HELD = PlaceHold("p", "o", (("a", 1),), 60)


@pytest.mark.parametrize(
    ("wallet", "command", "refusal", "text"),
    [
        (SIX, ask(TOP_UP), InsufficientFunds, "available=6 requested=7"),  # of a's, 100 of b's
        (Wallet(), ask(TOP_UP), InsufficientFunds, "available=0 requested=7"),
        (after(Wallet({"a": 7}), HELD), ask(TOP_UP), InsufficientFunds, "available=6"),
        (FULL, ask(REDEEMED), BalanceTooLarge, "amount=7"),
        (ASKED, ask(TOP_UP, "budi", "r2"), WrongState, "state=requested"),
        (APPROVED, ask(TOP_UP, "budi", "r2"), WrongState, "state=approved"),
        (ASKED, approve(TOP_UP, "ana"), OwnRequest, "ana"),
        (ASKED, approve(TOP_UP, "budi", "r2"), UnknownReversal, "r2"),
        (ASKED, RejectReversal("r2", "budi"), UnknownReversal, "r2"),
        (APPROVED, approve(TOP_UP), WrongState, "state=approved"),
        (APPROVED, RejectReversal("r", "budi"), WrongState, "state=approved"),
        (REJECTED, approve(TOP_UP), WrongState, "state=rejected"),
        (REJECTED, RejectReversal("r", "budi"), WrongState, "state=rejected"),
        # what was possible when it was asked for is no longer
        (after(ASKED, Redeem(TILL, 1)), approve(TOP_UP), InsufficientFunds, "available=6"),
        (after(ASKED, CashOut(TILL, 7)), approve(TOP_UP), InsufficientFunds, "available=0"),
        (after(ASKED, HELD), approve(TOP_UP), InsufficientFunds, "available=6"),
    ],
)
def test_refusals(wallet: Wallet, command: Command, refusal: type[Rejected], text: str) -> None:
    with pytest.raises(refusal, match=text):
        decide(wallet, command, NOW + timedelta(days=1))


def test_the_bound_of_a_wallet_is_met_exactly() -> None:
    wallet = Wallet({"a": BALANCE_MAX - 7})

    assert after(wallet, ask(REDEEMED), approve(REDEEMED)).balance == BALANCE_MAX


def test_a_refusal_for_the_bound_names_the_field_that_was_asked() -> None:
    with pytest.raises(BalanceTooLarge) as refusal:
        decide(FULL, ask(REDEEMED), NOW)

    assert refusal.value.field == "event_id"


def test_after_a_rejection_somebody_may_ask_anew() -> None:
    assert decide(ASKED, RejectReversal("r", "ana"), NOW) == [ReversalRejected("r", "e", "ana")]

    wallet = after(REJECTED, ask(TOP_UP, "ana", "r2"), approve(TOP_UP, "budi", "r2"))

    assert {r.reversal_id: r.state for r in wallet.reversals.values()} == {
        "r": "rejected",
        "r2": "approved",
    }
    assert wallet.balance == 0


def test_a_rejection_is_final_and_says_so() -> None:
    wallet = after(Wallet({"a": 7}), ask(TOP_UP), RejectReversal("r", "budi"))

    assert wallet.reversals == {"r": Reversal("r", "e", "rejected", "ana", "typed twice")}
    with pytest.raises(WrongState, match="state=rejected"):
        decide(wallet, approve(TOP_UP), NOW)


def test_another_entry_may_be_asked_for_meanwhile() -> None:
    other = RequestReversal("r2", entry_of("e2", TOP_UP), "ana", "why")

    assert decide(ASKED, other, NOW) == [ReversalRequested("r2", "e2", "ana", "why")]


def test_asking_and_rejecting_move_no_money() -> None:
    for event in (ReversalRequested("r", "e", "ana", "why"), ReversalRejected("r", "e", "budi")):
        assert postings("w", event) == ()
        assert evolve(Wallet({"a": 1}), event).buckets == {"a": 1}


def test_history_is_never_refused_even_without_its_beginning() -> None:
    undone = EntryReversed("r", entry_of("e", TOP_UP), "ana", "budi", "why")

    assert evolve(Wallet({"a": 9}), undone) == Wallet({"a": 2}, version=1)
    assert evolve(Wallet(), ReversalRejected("r", "e", "budi")) == Wallet(version=1)
