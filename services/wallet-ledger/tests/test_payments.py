"""Holds, confirmations and refunds: a row per refusal, a row per ladder."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from wallet_ledger.domain import (
    BALANCE_MAX,
    Allocation,
    BalanceTooLarge,
    CashOut,
    Command,
    ConfirmHold,
    Event,
    ExpireHold,
    HoldExpired,
    InsufficientFunds,
    NotDue,
    NotHeld,
    Part,
    Payment,
    PaymentDebited,
    PaymentExists,
    PaymentHeld,
    PaymentHoldReleased,
    PaymentRefunded,
    PaymentTooLarge,
    PlaceHold,
    Posting,
    Redeem,
    RefundPayment,
    RefundTooLarge,
    Rejected,
    ReleaseHold,
    Till,
    TopUp,
    UnknownPayment,
    Wallet,
    WrongState,
    decide,
    fold,
    postings,
)
from wallet_ledger.domain.holds import PAYMENT_MAX

NOW = datetime(2026, 11, 22, tzinfo=UTC)
END = NOW + timedelta(seconds=60)
RICH = Wallet({"a": 5, "b": 9, "c": 20})
HOLD = PlaceHold("p", "o", (("b", 12), ("a", 10)), 60)
PART_A = Part("a", 10, (Allocation("a", 5), Allocation("c", 5)))
PART_B = Part("b", 12, (Allocation("b", 9), Allocation("c", 3)))
PENNIES = (Allocation("a", 1), Allocation("b", 1))
HELD = PaymentHeld("p", "o", (PART_A, PART_B), END)


def at(store: str) -> Till:
    return Till("1000", store, "kasir")


def after(*commands: Command, wallet: Wallet = RICH, now: datetime = NOW) -> Wallet:
    for command in commands:
        wallet = fold(decide(wallet, command, now), wallet)
    return wallet


def pairs(allocations: Sequence[Allocation]) -> list[tuple[str, int]]:
    return [(a.issuer, a.amount) for a in allocations]


def test_a_hold_fixes_whose_money_pays_and_until_when() -> None:
    assert decide(RICH, HOLD, NOW) == [HELD]
    assert HELD.amount == 22

    wallet = after(HOLD)
    assert wallet.payments["p"] == Payment("p", "o", "held", END, (PART_A, PART_B))
    assert (wallet.balance, wallet.available) == (34, 12)
    assert wallet.free() == {"a": 0, "b": 0, "c": 12}
    assert wallet.version == 1


def test_a_second_hold_is_allocated_out_of_what_the_first_left() -> None:
    (event,) = decide(after(HOLD), PlaceHold("q", "o", (("a", 12),), 1), NOW)

    assert isinstance(event, PaymentHeld)
    assert pairs(event.parts[0].allocations) == [("c", 12)]


@pytest.mark.parametrize(
    ("parts", "debited", "remainder"),
    [
        (None, [("a", [("a", 5), ("c", 5)]), ("b", [("b", 9), ("c", 3)])], 0),
        ((("b", 12), ("a", 10)), [("a", [("a", 5), ("c", 5)]), ("b", [("b", 9), ("c", 3)])], 0),
        ((("b", 12), ("a", 7)), [("a", [("a", 5), ("c", 2)]), ("b", [("b", 9), ("c", 3)])], 3),
        ((("b", 9),), [("b", [("b", 9)])], 13),  # a whole store is left out
        ((("a", 1),), [("a", [("a", 1)])], 21),
    ],
)
def test_the_ladder_of_confirmations(
    parts: tuple[tuple[str, int], ...] | None,
    debited: list[tuple[str, list[tuple[str, int]]]],
    remainder: int,
) -> None:
    events = decide(after(HOLD), ConfirmHold("p", parts), NOW)

    paid = [event for event in events if isinstance(event, PaymentDebited)]
    assert [(e.store_id, pairs(e.allocations)) for e in paid] == debited
    assert [e.amount for e in paid] == [sum(n for _, n in spent) for _, spent in debited]
    assert {(e.payment_id, e.order_id) for e in paid} == {("p", "o")}
    let_go = [PaymentHoldReleased("p", "o", remainder, "remainder")] if remainder else []
    assert events[len(paid) :] == let_go
    wallet = fold(events, after(HOLD))
    assert wallet.available == wallet.balance == 34 - 22 + remainder
    payment = wallet.payments["p"]
    assert (payment.state, payment.held) == ("debited", ())
    assert [(p.store_id, p.amount, pairs(p.allocations)) for p in payment.paid] == [
        (store, sum(n for _, n in spent), spent) for store, spent in debited
    ]


@pytest.mark.parametrize(
    ("command", "now", "reason"),
    [
        (ReleaseHold("p"), NOW, "released"),
        (ReleaseHold("p"), END + timedelta(hours=1), "released"),  # before any sweep saw it
        (ExpireHold("p"), END, "expired"),
    ],
)
def test_what_is_let_go_is_available_again(command: Command, now: datetime, reason: str) -> None:
    (event,) = decide(after(HOLD), command, now)

    assert (event, fold([event], after(HOLD)).available) == (
        PaymentHoldReleased("p", "o", 22, reason),  # pyright: ignore[reportArgumentType]
        34,
    )
    assert fold([event], after(HOLD)).payments["p"].state == reason


ENDS = [
    (ConfirmHold("p"), NOW, "debited"),
    (ReleaseHold("p"), NOW, "released"),
    (ExpireHold("p"), END, "expired"),
]


@pytest.mark.parametrize(("second", "now2", "_"), ENDS)
@pytest.mark.parametrize(("first", "now", "state"), ENDS)
def test_a_hold_ends_once(
    first: Command, now: datetime, state: str, second: Command, now2: datetime, _: str
) -> None:
    ended = after(first, wallet=after(HOLD), now=now)

    with pytest.raises(HoldExpired if state == "expired" else WrongState) as refusal:
        decide(ended, second, now2)
    assert getattr(refusal.value, "state", "expired") == state


PAID = after(HOLD, ConfirmHold("p"))
RELEASED = after(HOLD, ReleaseHold("p"))
FULL = Wallet({"a": BALANCE_MAX - 5, "c": 10}, payments=PAID.payments)


@pytest.mark.parametrize(
    ("wallet", "command", "refusal", "text"),
    [
        (RICH, PlaceHold("p", "o", (("a", 35),), 1), InsufficientFunds, "available=34"),
        (after(HOLD), PlaceHold("q", "o", (("a", 13),), 1), InsufficientFunds, "available=12"),
        (after(HOLD), HOLD, PaymentExists, "p"),
        (PAID, HOLD, PaymentExists, "p"),
        (RELEASED, HOLD, PaymentExists, "p"),
        (RICH, PlaceHold("p", "o", (("a", PAYMENT_MAX), ("b", 1)), 1), PaymentTooLarge, "001"),
        (after(HOLD), Redeem(at("c"), 13), InsufficientFunds, "available=12 requested=13"),
        (after(HOLD), CashOut(at("c"), 13), InsufficientFunds, "available=12 requested=13"),
        (after(HOLD), CashOut(at("a"), 1), InsufficientFunds, "available=0 requested=1"),
        (RICH, ConfirmHold("p"), UnknownPayment, "p"),
        (RICH, ReleaseHold("p"), UnknownPayment, "p"),
        (RICH, ExpireHold("p"), UnknownPayment, "p"),
        (RICH, RefundPayment("p", "a", 1), UnknownPayment, "p"),
        (after(HOLD), ConfirmHold("p", (("a", 11),)), NotHeld, "store_id='a' requested=11"),
        (after(HOLD), ConfirmHold("p", (("c", 1),)), NotHeld, "store_id='c' requested=1"),
        (after(HOLD), ConfirmHold("p", (("a", 6), ("a", 4))), NotHeld, "store_id='a'"),
        (after(HOLD), ConfirmHold("p", ()), NotHeld, "nothing"),
        (after(HOLD), ExpireHold("p"), NotDue, "p"),
        (after(HOLD), RefundPayment("p", "a", 1), WrongState, "state=held"),
        (RELEASED, RefundPayment("p", "a", 1), WrongState, "state=released"),
        (PAID, RefundPayment("p", "a", 11), RefundTooLarge, "refundable=10 requested=11"),
        (PAID, RefundPayment("p", "c", 1), RefundTooLarge, "refundable=0 requested=1"),
        (FULL, RefundPayment("p", "a", 1), BalanceTooLarge, f"balance={BALANCE_MAX + 5}"),
    ],
)
def test_refusals(wallet: Wallet, command: Command, refusal: type[Rejected], text: str) -> None:
    with pytest.raises(refusal, match=text):
        decide(wallet, command, NOW)


def test_a_confirmation_comes_too_late_at_the_very_end_and_in_time_before_it() -> None:
    with pytest.raises(HoldExpired):
        decide(after(HOLD), ConfirmHold("p"), END)

    assert decide(after(HOLD), ConfirmHold("p"), END - timedelta(microseconds=1))


def test_limits_are_met_exactly() -> None:
    most = Wallet({"a": PAYMENT_MAX})
    assert decide(most, PlaceHold("q", "o", (("a", PAYMENT_MAX),), 1), NOW)
    room = Wallet({"a": BALANCE_MAX - 10}, payments=PAID.payments)
    assert fold(decide(room, RefundPayment("p", "a", 10), NOW), room).balance == BALANCE_MAX


@pytest.mark.parametrize(
    ("amounts", "back"),
    [
        ([10], [[("c", 5), ("a", 5)]]),
        ([3, 4, 3], [[("c", 3)], [("c", 2), ("a", 2)], [("a", 3)]]),
        ([5, 5], [[("c", 5)], [("a", 5)]]),
        ([1], [[("c", 1)]]),
    ],
)
def test_a_refund_walks_the_allocations_backwards(
    amounts: list[int], back: list[list[tuple[str, int]]]
) -> None:
    wallet, shown = PAID, list[list[tuple[str, int]]]()
    for amount in amounts:
        (event,) = decide(wallet, RefundPayment("p", "a", amount), NOW)
        assert isinstance(event, PaymentRefunded)
        assert (event.order_id, event.store_id, event.amount) == ("o", "a", amount)
        shown.append(pairs(event.allocations))
        wallet = fold([event], wallet)

    assert shown == back
    assert wallet.balance == PAID.balance + sum(amounts)
    left = 10 - sum(amounts)
    with pytest.raises(RefundTooLarge, match=f"refundable={left} requested={left + 1}"):
        decide(wallet, RefundPayment("p", "a", left + 1), NOW)
    assert decide(wallet, RefundPayment("p", "b", 12), NOW)  # the other part is untouched


def test_what_a_refund_leaves_of_each_part_can_be_refunded() -> None:
    one = Payment("p", "o", "debited", END, (), (PART_A, Part("b", 2, PENNIES)))
    wallet = after(RefundPayment("p", "b", 1), wallet=Wallet({"a": 1}, payments={"p": one}))

    assert wallet.payments["p"].paid == (PART_A, Part("b", 1, PENNIES[:1]))
    assert after(RefundPayment("p", "b", 1), wallet=wallet).payments["p"].paid == (PART_A,)


def test_a_refusal_of_a_refund_says_what_is_left_and_which_field_is_too_large() -> None:
    with pytest.raises(RefundTooLarge) as too_much:
        decide(PAID, RefundPayment("p", "a", 11), NOW)
    with pytest.raises(BalanceTooLarge) as too_large:
        decide(FULL, RefundPayment("p", "a", 1), NOW)

    assert (too_much.value.refundable, too_large.value.field) == (10, "amount")


def test_refunded_in_full_every_bucket_is_as_before_the_hold() -> None:
    wallet = after(RefundPayment("p", "b", 12), RefundPayment("p", "a", 10), wallet=PAID)

    assert wallet.buckets == RICH.buckets
    assert wallet.payments["p"].paid == ()
    assert wallet.payments["p"].state == "debited"


@pytest.mark.parametrize(
    ("event", "legs"),
    [
        (HELD, []),
        (PaymentHoldReleased("p", "o", 22, "expired"), []),
        (
            PaymentDebited("p", "o", "a", 10, PART_A.allocations),
            [("wallet:w:a", -5), ("wallet:w:c", -5), ("store:a:paid", 10)],
        ),
        (
            PaymentRefunded("p", "o", "b", 12, PART_B.allocations),
            [("wallet:w:b", 9), ("wallet:w:c", 3), ("store:b:paid", -12)],
        ),
    ],
)
def test_the_double_entry_of_a_payment(event: Event, legs: list[tuple[str, int]]) -> None:
    assert postings("w", event) == tuple(Posting(account, n) for account, n in legs)


def test_history_is_never_refused_even_without_its_beginning() -> None:
    spent = PaymentDebited("p", "o", "a", 10, (Allocation("a", 5), Allocation("c", 5)))

    wallet = fold([spent], Wallet({"a": 5, "c": 9}))

    assert (wallet.buckets, wallet.payments) == ({"c": 4}, {})


def test_what_was_set_aside_of_nothing_is_owed_to_the_purse() -> None:
    forged = fold([PaymentHeld("p", "o", (PART_A,), END)], Wallet({"b": 1}))

    assert forged.free() == {"b": 1, "a": -5, "c": -5}


def test_money_saved_meanwhile_does_not_change_what_was_fixed() -> None:
    wallet = fold([TopUp(at("a"), "a", 100)], after(HOLD))

    assert pairs(wallet.payments["p"].held[0].allocations) == [("a", 5), ("c", 5)]
    assert wallet.free() == {"a": 100, "b": 0, "c": 12}
