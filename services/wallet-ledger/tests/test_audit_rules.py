"""An event is passed over as right only where no rule has anything to say of it."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contracts import lean
from events.contracts.lean import AnyLeanEvent
from events.contracts.wallet import WalletEvent
from events.envelope import Cause
from events.quickly import open_quickly
from wallet_ledger import domain
from wallet_ledger.audit import faults
from wallet_ledger.audit_credits import CREDITS, credited
from wallet_ledger.domain import ChangeSaved, Till, TopUp, Wallet, fold
from wallet_ledger.publish import from_contract, seal

TILL = Till("1000", "kantin", "kasir")
BEFORE = fold([TopUp(TILL, "kantin", 500)])
FACTS = [TopUp(TILL, "kantin", 200), ChangeSaved(TILL, "kantin", 200, 9_800, 10_000, 0)]
WALLET = {"account": "wallet:w:kantin", "amount": 200}
DRAWER = {"account": "store:kantin:cash", "amount": -200}

ALTERED: dict[str, tuple[dict[str, Any], str]] = {
    "a balance too high": ({"balance": 701}, "it says a balance of 701, the fold 700"),
    "a leg less": ({"postings": [WALLET]}, "the postings sum to 200"),
    "no legs": ({"postings": []}, "the postings are not those of what happened"),
    "a leg twice": ({"postings": [WALLET, DRAWER, DRAWER]}, "the postings sum to -200"),
    "legs in another order": (
        {"postings": [DRAWER, WALLET]},
        "the postings are not those of what happened",
    ),
    "another amount": (
        {"postings": [{**WALLET, "amount": 201}, {**DRAWER, "amount": -201}]},
        "the postings are not those of what happened",
    ),
    "another store's drawer": (
        {"postings": [WALLET, {**DRAWER, "account": "store:toko:cash"}]},
        "the postings are not those of what happened",
    ),
    "another wallet": (
        {"postings": [{**WALLET, "account": "wallet:v:kantin"}, DRAWER]},
        "the postings are not those of what happened",
    ),
}


def said(fact: domain.Event, after: Wallet, **other: Any) -> WalletEvent | AnyLeanEvent:
    """Return an event as a reader of the log has it, with `other` in the place of its data."""
    event_id = UUID(int=1)
    new = seal(
        "w", fact, after, event_id=event_id, shown_id=str(event_id), time="t", cause=Cause("r")
    )
    event = json.loads(new.body)
    event["data"] |= other
    data = open_quickly(json.dumps(event, separators=(",", ":"), sort_keys=True).encode()).data
    assert isinstance(data, WalletEvent | AnyLeanEvent)
    return data


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_what_is_right_is_passed_over(fact: domain.Event) -> None:
    after, legs = domain.booked(BEFORE, "w", fact)
    data = said(fact, after)

    assert isinstance(data, CREDITS)
    assert credited(BEFORE, "w", data) == after
    assert not list(faults(data, fact, BEFORE, after, legs))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
@pytest.mark.parametrize("alteration", ALTERED)
def test_what_is_wrong_is_not_passed_over_and_is_named(fact: domain.Event, alteration: str) -> None:
    after, legs = domain.booked(BEFORE, "w", fact)
    other, reason = ALTERED[alteration]
    data = said(fact, after, **other)

    assert isinstance(data, CREDITS)
    assert credited(BEFORE, "w", data) is None
    assert [detail for _, detail in faults(data, fact, BEFORE, after, legs)] == [reason]


def test_a_bucket_that_fell_before_is_named_again() -> None:
    before = Wallet({"kantin": 500, "toko": -1}, 3)
    after, legs = domain.booked(before, "w", FACTS[0])
    data = said(FACTS[0], after)

    assert isinstance(data, CREDITS)
    assert credited(before, "w", data) is None
    assert list(faults(data, FACTS[0], before, after, legs)) == [(2, "bucket toko falls to -1")]


STORES = st.sampled_from(["kantin", "toko"])
AMOUNTS = st.integers(1, 3)
ACCOUNTS = st.sampled_from(
    [*(f"wallet:{w}:{s}" for w in "wv" for s in ("kantin", "toko"))]
    + [f"store:{s}:{what}" for s in ("kantin", "toko") for what in ("cash", "redeemed")]
)
LEGS = st.lists(st.builds(lean.Posting, ACCOUNTS, st.integers(-3, 3)), max_size=3)
BUCKETS = st.dictionaries(STORES, st.integers(-2, 6).filter(bool))


@st.composite
def credits_of_any_kind(draw: st.DrawFn) -> tuple[Wallet, lean.TopUp | lean.ChangeSaved]:
    """Return a wallet and an event that adds money to it: right, or wrong in some of it."""
    before = Wallet(draw(BUCKETS), draw(st.integers(0, 5)))
    issuer, store, amount = draw(STORES), draw(STORES), draw(AMOUNTS)
    right = (
        lean.Posting(f"wallet:w:{issuer}", amount),
        lean.Posting(f"store:{store}:cash", -amount),
    )
    due = before.balance + amount
    common: dict[str, Any] = {
        "wallet_id": "w",
        "balance": draw(st.just(due) | st.integers(0, 9)),
        "postings": draw(st.just(right) | LEGS.map(tuple)),
        "card_number": "1000",
        "store_id": store,
        "cashier_id": "kasir",
        "issuer": issuer,
        "amount": amount,
    }
    if draw(st.booleans()):
        return before, lean.TopUp(**common)
    return before, lean.ChangeSaved(**common, sale_total=1, tendered=1 + amount, cash_returned=0)


@given(credits_of_any_kind())
def test_one_step_passes_over_just_what_the_rules_have_nothing_to_say_of(
    given_both: tuple[Wallet, lean.TopUp | lean.ChangeSaved],
) -> None:
    before, data = given_both
    fact = from_contract(data)
    after, legs = domain.booked(before, "w", fact)
    found = list(faults(data, fact, before, after, legs))

    is_emptied = data.issuer not in after.buckets
    assert credited(before, "w", data) == (None if found or is_emptied else after)
