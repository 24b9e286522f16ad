"""Who owes whom: the paper's trial, a table of cases, and what holds for every history."""

import json
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.domain import (
    BalanceEvent,
    Credited,
    Kind,
    Movement,
    Obligation,
    Position,
    Returned,
    Spent,
    Withdrawn,
    fold,
    movements,
    obligations,
    saved_and_paid,
)

GOLDEN = json.loads(Path(__file__).with_name("campus_2016.json").read_text(encoding="utf-8"))
STORES = ["fotokopi", "kantin", "koperasi"]


class Allocation(NamedTuple):
    """A share of a spending as a test says it."""

    issuer: str
    amount: int


def saved(store_id: str, amount: int, kind: Kind = Kind.CHANGE) -> Credited:
    return Credited(kind, store_id, store_id, amount)


def spent(store_id: str, *allocations: tuple[str, int], kind: Kind = Kind.REDEMPTION) -> Spent:
    return Spent(kind, store_id, tuple(Allocation(*a) for a in allocations))


def returned(store_id: str, *allocations: tuple[str, int], kind: Kind = Kind.REFUND) -> Returned:
    return Returned(kind, store_id, tuple(Allocation(*a) for a in allocations))


def golden_events() -> list[BalanceEvent]:
    """Return the trial's nine entries; whose money was spent follows from its debts (rule B4)."""
    events: list[BalanceEvent] = []
    for line in GOLDEN["transactions"]:
        if line["saved"]:
            events.append(saved(line["store"], line["saved"]))
            continue
        debts = [d for d in GOLDEN["debts"] if d["at"] == line["at"]]
        owed = [(d["debtor"], d["amount"]) for d in debts]
        own = line["paid"] - sum(amount for _, amount in owed)
        events.append(spent(line["store"], *([(line["store"], own)] if own else []), *owed))
    return events


def test_the_trial_gives_the_papers_debts() -> None:
    owed = [o for event in golden_events() for o in obligations(event)]

    expected = [Obligation(d["debtor"], d["creditor"], d["amount"]) for d in GOLDEN["debts"]]
    assert owed == expected


def test_the_trial_gives_the_papers_positions() -> None:
    positions = fold(golden_events())

    assert {s: p.liability for s, p in positions.items()} == GOLDEN["liabilities"]
    assert {s: p.receivable for s, p in positions.items()} == GOLDEN["receivables"]
    assert {s: p.issued for s, p in positions.items()} == GOLDEN["final_buckets"]
    assert {s: p.position for s, p in positions.items()} == {
        "Store1": 300,
        "Store2": 900,
        "Store3": -1400,
    }


def test_the_trial_gives_the_papers_totals() -> None:
    lines = [saved_and_paid(event) for event in golden_events()]

    assert sum(line[0] for line in lines) == GOLDEN["totals"]["saved"]
    assert sum(line[1] for line in lines) == GOLDEN["totals"]["paid"]


@pytest.mark.parametrize(
    ("event", "owed", "moved"),
    [
        pytest.param(
            saved("kantin", 300),
            [],
            [Movement("kantin", 0, 0, 300)],
            id="change is held by the store",
        ),
        pytest.param(
            saved("kantin", 300, Kind.TOPUP),
            [],
            [Movement("kantin", 0, 0, 300)],
            id="so is cash paid in at its till",
        ),
        pytest.param(
            Credited(Kind.TOPUP, "kantin", "platform", 300),
            [],
            [Movement("platform", 0, 0, 300)],
            id="the issuer holds the money, wherever it was paid in",
        ),
        pytest.param(
            spent("kantin", ("kantin", 200)),
            [],
            [Movement("kantin", 0, 0, -200)],
            id="spending a store's own money there makes no debt",
        ),
        pytest.param(
            spent("kantin", ("kantin", 100), kind=Kind.CASHOUT),
            [],
            [Movement("kantin", 0, 0, -100)],
            id="nor does cashing it out",
        ),
        pytest.param(
            spent("kantin", ("koperasi", 550)),
            [Obligation("koperasi", "kantin", 550)],
            [Movement("kantin", 550, 0, 0), Movement("koperasi", 0, 550, -550)],
            id="the holder owes the store where its money was spent",
        ),
        pytest.param(
            spent("kantin", ("kantin", 200), ("koperasi", 500), ("fotokopi", 50)),
            [Obligation("koperasi", "kantin", 500), Obligation("fotokopi", "kantin", 50)],
            [
                Movement("kantin", 550, 0, -200),
                Movement("koperasi", 0, 500, -500),
                Movement("fotokopi", 0, 50, -50),
            ],
            id="own money first, then what two others owe, in the order of the allocations",
        ),
        pytest.param(
            spent("kantin", ("koperasi", 500), ("kantin", 200)),
            [Obligation("koperasi", "kantin", 500)],
            [Movement("kantin", 500, 0, -200), Movement("koperasi", 0, 500, -500)],
            id="the store where it happened comes first",
        ),
        pytest.param(
            spent("kantin", ("kantin", 200), ("platform", 500), kind=Kind.PAYMENT),
            [Obligation("platform", "kantin", 500)],
            [Movement("kantin", 500, 0, -200), Movement("platform", 0, 500, -500)],
            id="an online payment is a spending at the store",
        ),
        pytest.param(
            returned("kantin", ("koperasi", 500), ("kantin", 200)),
            [Obligation("koperasi", "kantin", -500)],
            [Movement("kantin", -500, 0, 200), Movement("koperasi", 0, -500, 500)],
            id="what is refunded is owed no longer, and is issued again",
        ),
        pytest.param(
            returned("kantin", ("kantin", 100), kind=Kind.REVERSAL),
            [],
            [Movement("kantin", 0, 0, 100)],
            id="a cash-out undone is money that the store holds again",
        ),
        pytest.param(
            Withdrawn(Kind.REVERSAL, "kantin", (Allocation("platform", 300),)),
            [],
            [Movement("platform", 0, 0, -300)],
            id="a credit undone is taken out of its bucket, and owed by nobody",
        ),
    ],
)
def test_what_an_event_means(
    event: BalanceEvent, owed: list[Obligation], moved: list[Movement]
) -> None:
    assert list(obligations(event)) == owed
    assert list(movements(event)) == moved


stores = st.sampled_from(STORES)
amounts = st.integers(1, 10**12)
credits_ = st.builds(
    Credited,
    st.sampled_from([Kind.TOPUP, Kind.CHANGE]),
    stores,
    st.sampled_from([*STORES, "platform"]),
    amounts,
)
allocations = st.lists(
    st.builds(Allocation, st.sampled_from([*STORES, "platform"]), amounts),
    min_size=1,
    max_size=4,
    unique_by=lambda a: a.issuer,
)
SPENT = [Kind.REDEMPTION, Kind.CASHOUT, Kind.PAYMENT]
spendings = st.builds(Spent, st.sampled_from(SPENT), stores, allocations.map(tuple))
returns = st.builds(
    Returned, st.sampled_from([Kind.REFUND, Kind.REVERSAL]), stores, allocations.map(tuple)
)
withdrawals = st.builds(Withdrawn, st.just(Kind.REVERSAL), stores, allocations.map(tuple))
histories: st.SearchStrategy[list[BalanceEvent]] = st.lists(
    st.one_of(credits_, spendings, returns, withdrawals)
)


@given(histories)
def test_all_debts_are_owed_to_somebody(history: list[BalanceEvent]) -> None:
    positions = fold(history)

    crossed = sum(o.amount for event in history for o in obligations(event))
    assert sum(p.net for p in positions.values()) == 0
    assert sum(p.receivable for p in positions.values()) == crossed
    assert sum(p.liability for p in positions.values()) == crossed


@given(histories)
def test_what_is_issued_is_what_came_in_less_what_was_spent(history: list[BalanceEvent]) -> None:
    positions = fold(history)

    lines = [saved_and_paid(event) for event in history]
    total = sum(line[0] - line[1] for line in lines)
    assert sum(p.issued for p in positions.values()) == total


@given(histories, stores, amounts)
def test_saving_at_a_store_lowers_its_position_alone(
    history: list[BalanceEvent], store: str, amount: int
) -> None:
    before = fold(history)

    after = fold([*history, saved(store, amount)])

    assert moved_positions(before, after) == {store: -amount}


@given(histories, spendings)
def test_redeeming_at_a_store_raises_its_position_alone(
    history: list[BalanceEvent], spending: Spent
) -> None:
    before = fold(history)

    after = fold([*history, spending])

    amount = sum(a.amount for a in spending.allocations)
    assert moved_positions(before, after) == {spending.store_id: amount}


@given(histories, spendings)
def test_a_refund_of_all_leaves_every_debt_and_position_as_it_was(
    history: list[BalanceEvent], spending: Spent
) -> None:
    back = Returned(Kind.REFUND, spending.store_id, spending.allocations[::-1])

    after = [*history, spending, back]

    assert owed(after) == owed(history)
    assert standing(after) == standing(history)


@given(histories, spendings, st.randoms(use_true_random=False))
def test_refunds_in_parts_are_as_one_refund_of_all(
    history: list[BalanceEvent], spending: Spent, random: Random
) -> None:
    parts: list[BalanceEvent] = []
    for issuer, amount in ((a.issuer, a.amount) for a in spending.allocations):
        first = random.randint(0, amount)
        parts += [
            Returned(Kind.REFUND, spending.store_id, (Allocation(issuer, part),))
            for part in (first, amount - first)
            if part
        ]

    assert owed([*history, spending, *parts]) == owed(history)
    assert standing([*history, spending, *parts]) == standing(history)


@given(histories, st.one_of(credits_, spendings))
def test_a_reversal_leaves_every_debt_and_position_as_it_was(
    history: list[BalanceEvent], entry: Credited | Spent
) -> None:
    match entry:
        case Credited(_, store_id, issuer, amount):
            undone = Withdrawn(Kind.REVERSAL, store_id, (Allocation(issuer, amount),))
        case Spent(_, store_id, allocations):
            undone = Returned(Kind.REVERSAL, store_id, allocations)

    after = [*history, entry, undone]

    assert owed(after) == owed(history)
    assert standing(after) == standing(history)
    assert saved_and_paid(undone) == saved_and_paid(entry)[::-1]


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(history: list[BalanceEvent], random: Random) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)

    assert fold(shuffled) == fold(history)


def moved_positions(before: dict[str, Position], after: dict[str, Position]) -> dict[str, int]:
    """Return store -> change of its position, of those that changed."""
    moved = {s: after[s].position - before.get(s, Position()).position for s in after}
    return {store: change for store, change in moved.items() if change}


def owed(history: list[BalanceEvent]) -> dict[tuple[str, str], int]:
    """Return (debtor, creditor) -> what is owed, where it is anything."""
    sums: dict[tuple[str, str], int] = {}
    for o in (o for event in history for o in obligations(event)):
        sums[o.debtor, o.creditor] = sums.get((o.debtor, o.creditor), 0) + o.amount
    return {pair: amount for pair, amount in sums.items() if amount}


def standing(history: list[BalanceEvent]) -> dict[str, Position]:
    """Return store -> position, of those where anything stands."""
    return {store: p for store, p in fold(history).items() if p != Position()}
