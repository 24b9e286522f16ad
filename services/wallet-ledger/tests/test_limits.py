"""What no event may exceed (invariant 4), by tables."""

from datetime import UTC, datetime

import pytest

from wallet_ledger import domain
from wallet_ledger.domain import (
    Allocation,
    CashedOut,
    ChangeRedeemed,
    Entry,
    EntryReversed,
    Part,
    PaymentDebited,
    PaymentHeld,
    PaymentHoldReleased,
    PaymentRefunded,
    Till,
    TopUp,
    Wallet,
    fold,
)
from wallet_ledger.limits import beyond
from wallet_ledger.publish import data_of, from_contract, to_contract

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TILL = Till("1000", "kantin", "kasir")
IDS = ("p", "o")
TOPPED = TopUp(TILL, "kantin", 500)
HELD = PaymentHeld(*IDS, (Part("toko", 300, (Allocation("kantin", 300),)),), NOW)
DEBITED = PaymentDebited(*IDS, "toko", 300, (Allocation("kantin", 300),))


def kantin(amount: int) -> tuple[Allocation, ...]:
    return (Allocation("kantin", amount),)


def said(before: Wallet, fact: domain.Event) -> list[str]:
    return list(beyond(fact, before, to_contract("w", fact, before.balance)))


@pytest.mark.parametrize(
    ("history", "fact"),
    [
        ([TOPPED], ChangeRedeemed(TILL, 500, kantin(500))),
        ([TOPPED], CashedOut(TILL, 500, kantin(500))),
        ([TOPPED], HELD),
        ([TOPPED, HELD], DEBITED),
        ([TOPPED, HELD], PaymentDebited(*IDS, "toko", 200, kantin(200))),
        ([TOPPED, HELD], PaymentHoldReleased(*IDS, 300, "expired")),
        ([TOPPED, HELD, DEBITED], PaymentRefunded(*IDS, "toko", 300, kantin(300))),
    ],
)
def test_what_may_be_is_not_named(history: list[domain.Event], fact: domain.Event) -> None:
    assert said(fold(history), fact) == []


@pytest.mark.parametrize(
    ("history", "fact", "reason"),
    [
        ([TOPPED], ChangeRedeemed(TILL, 400, kantin(500)), "allocations of 500 for an amount"),
        ([TOPPED], CashedOut(TILL, 400, kantin(300)), "allocations of 300 for an amount of 400"),
        ([TOPPED], DEBITED, "of which 0 is held"),
        ([TOPPED, HELD], PaymentDebited(*IDS, "toko", 301, kantin(301)), "of which 300 is held"),
        ([TOPPED, HELD], PaymentDebited(*IDS, "lain", 10, kantin(10)), "of which 0 is held"),
        ([TOPPED, TOPPED, HELD], HELD, "holds p a second time"),
        (
            [TOPPED, HELD],
            PaymentHeld("q", "o", (Part("toko", 201, kantin(201)),), NOW),
            "sets 501 aside of bucket kantin, which is 500",
        ),
        (
            [TOPPED, HELD],
            PaymentHoldReleased(*IDS, 299, "released"),
            "releases 299 of p, of which 300 is held",
        ),
        (
            [TOPPED, HELD, DEBITED],
            PaymentRefunded(*IDS, "toko", 301, kantin(301)),
            "of which 300 is paid",
        ),
        ([TOPPED, HELD], PaymentRefunded(*IDS, "toko", 1, kantin(1)), "of which 0 is paid"),
        (
            [TOPPED, HELD, DEBITED, PaymentRefunded(*IDS, "toko", 200, kantin(200))],
            PaymentRefunded(*IDS, "toko", 101, kantin(101)),
            "of which 100 is paid",
        ),
    ],
)
def test_what_is_beyond_is_named(
    history: list[domain.Event], fact: domain.Event, reason: str
) -> None:
    [detail] = said(fold(history), fact)

    assert reason in detail


def test_a_reversal_of_another_amount_than_it_allocates_is_named() -> None:
    entry = Entry("e", "1000", "kantin", "debit", "redeemed", kantin(50))
    fact = EntryReversed("r", entry, "x", "y", "why")
    data = data_of("w", fact, 500) | {"amount": 51}
    public = type(to_contract("w", fact, 500)).model_validate(data)

    assert from_contract(public) == fact
    assert list(beyond(fact, fold([TOPPED]), public)) == ["allocations of 50 for an amount of 51"]
