"""History under another order of spending: the rules by tables, the debts by small histories."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kembalian.testing.databases import MakeDatabase
from wallet_ledger import domain
from wallet_ledger.config import MIGRATIONS
from wallet_ledger.debts import Debts, Tally
from wallet_ledger.domain import (
    Allocation,
    CashedOut,
    ChangeRedeemed,
    ChangeSaved,
    Entry,
    EntryReversed,
    InsufficientFunds,
    Part,
    PaymentDebited,
    PaymentHeld,
    PaymentHoldReleased,
    PaymentRefunded,
    ReversalRequested,
    Till,
    TopUp,
)
from wallet_ledger.orders_of_spending import ORDERS, Purse
from wallet_ledger.testing.history import History, make_history, members, stores
from wallet_ledger.what_if import WhatIf
from wallet_ledger.what_if_history import what_if

FREE = {"aa": 50, "bb": 300, "cc": 100, "dd": 50}
SINCE = {"aa": 4, "bb": 9, "cc": 2, "dd": 7}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def of(*pairs: tuple[str, int]) -> tuple[Allocation, ...]:
    return tuple(Allocation(issuer, amount) for issuer, amount in pairs)


@pytest.mark.parametrize(
    ("order", "store_id", "amount", "expected"),
    [
        ("own-then-largest", "cc", 150, of(("cc", 100), ("bb", 50))),
        ("own-then-largest", "zz", 420, of(("bb", 300), ("cc", 100), ("aa", 20))),
        ("own-then-smallest", "cc", 150, of(("cc", 100), ("aa", 50))),
        ("own-then-smallest", "zz", 120, of(("aa", 50), ("dd", 50), ("cc", 20))),
        ("own-then-oldest", "bb", 350, of(("bb", 300), ("cc", 50))),
        ("own-then-oldest", "zz", 160, of(("cc", 100), ("aa", 50), ("dd", 10))),
        ("own-then-alphabetical", "cc", 170, of(("cc", 100), ("aa", 50), ("bb", 20))),
        ("proportional", "zz", 100, of(("aa", 10), ("bb", 60), ("cc", 20), ("dd", 10))),
        ("proportional", "zz", 1, of(("bb", 1))),
        ("proportional", "cc", 500, of(("aa", 50), ("bb", 300), ("cc", 100), ("dd", 50))),
    ],
)
def test_whose_money_is_spent(
    order: str, store_id: str, amount: int, expected: tuple[Allocation, ...]
) -> None:
    assert ORDERS[order](Purse(FREE, SINCE), [(store_id, amount)]) == (expected,)


def test_several_parts_take_their_own_buckets_first() -> None:
    asked = [("cc", 120), ("aa", 60)]

    assert ORDERS["own-then-smallest"](Purse(FREE, SINCE), asked) == (
        of(("cc", 100), ("dd", 20)),
        of(("aa", 50), ("dd", 10)),
    )


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_spends_what_is_not_there(order: str) -> None:
    with pytest.raises(InsufficientFunds, match="available=500 requested=501"):
        ORDERS[order](Purse(FREE, SINCE), [("aa", 501)])


@given(
    order=st.sampled_from(sorted(ORDERS)),
    free=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1_000), min_size=1),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=3),
)
def test_every_order_spends_exactly_what_is_asked_and_nothing_that_is_not_there(
    order: str, free: dict[str, int], shares: list[float]
) -> None:
    total = sum(free.values())
    parts = [(name, int(total * s / len(shares))) for name, s in zip("ace", shares, strict=False)]

    paid = ORDERS[order](Purse(free, {}), parts)

    taken: dict[str, int] = {}
    for allocations in paid:
        for a in allocations:
            assert a.amount > 0
            taken[a.issuer] = taken.get(a.issuer, 0) + a.amount
    assert [sum(a.amount for a in x) for x in paid] == [amount for _, amount in parts]
    assert all(amount <= free[issuer] for issuer, amount in taken.items())


def till(store_id: str) -> Till:
    return Till("1000", store_id, "kasir")


def topped(store_id: str, amount: int) -> TopUp:
    return TopUp(till(store_id), store_id, amount)


def redeemed(store_id: str, *spent: tuple[str, int]) -> ChangeRedeemed:
    return ChangeRedeemed(till(store_id), sum(n for _, n in spent), of(*spent))


def decided(order: str, facts: Sequence[domain.Event], undone: tuple[str, ...] = ()) -> WhatIf:
    deciding = WhatIf(ORDERS[order], undone)
    for n, fact in enumerate(facts):
        deciding.take("w", f"e{n}", fact)
    return deciding


def owed(debts: Debts) -> dict[tuple[str, str], int]:
    return {pair: amount for pair, amount in debts.owed.items() if amount}


def test_another_order_moves_the_debt_to_another_store() -> None:
    facts = [topped("a", 100), topped("b", 300), redeemed("c", ("b", 100))]

    tally = decided("own-then-smallest", facts).tally

    assert owed(tally.today) == {("b", "c"): 100}
    assert owed(tally.then) == {("a", "c"): 100}
    assert (tally.spendings, tally.otherwise, tally.uncovered) == (1, 1, 0)


def test_todays_order_changes_nothing() -> None:
    facts = [topped("a", 100), topped("b", 300), redeemed("c", ("b", 300), ("a", 20))]

    tally = decided("own-then-largest", facts).tally

    assert tally.today == tally.then
    assert tally.otherwise == 0


def test_a_cash_out_that_the_other_order_does_not_cover_is_counted_and_owed() -> None:
    facts = [
        topped("a", 100),
        topped("b", 300),
        redeemed("c", ("b", 80)),
        CashedOut(till("a"), 100, of(("a", 100))),
    ]

    tally = decided("own-then-smallest", facts).tally

    assert (tally.uncovered, tally.uncovered_amount) == (1, 80)
    assert owed(tally.then) == {("a", "c"): 80, ("b", "a"): 80}


def test_a_payment_is_held_debited_and_refunded_in_the_other_order() -> None:
    ids = ("p", "o")
    facts: list[domain.Event] = [
        topped("a", 100),
        topped("b", 300),
        PaymentHeld(*ids, (Part("c", 200, of(("b", 200))),), NOW),
        PaymentDebited(*ids, "c", 150, of(("b", 150))),
        PaymentHoldReleased(*ids, 50, "remainder"),
        PaymentRefunded(*ids, "c", 70, of(("b", 70))),
    ]

    deciding = decided("own-then-smallest", facts)

    assert owed(deciding.tally.today) == {("b", "c"): 80}
    assert owed(deciding.tally.then) == {("a", "c"): 80}  # b's 50 first, then 20 of a's
    assert deciding.wallet("w").buckets == {"a": 20, "b": 300}


def test_what_is_set_aside_is_not_spent() -> None:
    facts: list[domain.Event] = [
        topped("a", 100),
        topped("b", 300),
        PaymentHeld("p", "o", (Part("c", 100, of(("b", 100))),), NOW),
        redeemed("d", ("b", 50)),
        PaymentHoldReleased("p", "o", 100, "expired"),
    ]

    deciding = decided("own-then-smallest", facts)

    assert owed(deciding.tally.then) == {("b", "d"): 50}
    assert deciding.wallet("w").purse().free == {"a": 100, "b": 250}


def test_a_reversal_gives_back_what_the_other_order_had_taken() -> None:
    entry = Entry("e2", "1000", "c", "debit", "redeemed", of(("b", 100)))
    facts: list[domain.Event] = [
        topped("a", 100),
        topped("b", 300),
        redeemed("c", ("b", 100)),
        ReversalRequested("r", "e2", "x", "why"),
        EntryReversed("r", entry, "x", "y", "why"),
    ]

    deciding = decided("own-then-smallest", facts, ("e2",))

    assert owed(deciding.tally.today) == owed(deciding.tally.then) == {}
    assert deciding.wallet("w").buckets == {"a": 100, "b": 300}


def test_a_credit_is_undone_with_others_money_where_its_own_is_spent() -> None:
    entry = Entry("e0", "1000", "a", "credit", "cash", of(("a", 100)))
    facts: list[domain.Event] = [
        topped("a", 100),
        ChangeSaved(till("b"), "b", 300, 1, 301, 0),
        redeemed("c", ("b", 60)),
        EntryReversed("r", entry, "x", "y", "why"),
    ]

    deciding = decided("own-then-smallest", facts)

    assert (deciding.tally.uncovered, deciding.tally.uncovered_amount) == (1, 60)
    assert owed(deciding.tally.then) == {("a", "c"): 60, ("b", "a"): 60}
    assert deciding.wallet("w").buckets == {"a": 0, "b": 240}


def test_netting_counts_the_payments_that_are_left() -> None:
    debts = Debts()
    debts.add("b", of(("a", 30)))
    debts.add("c", of(("b", 30), ("a", 5)))
    debts.add("a", of(("c", 5)))

    assert debts.nets() == {"a": -30, "b": 0, "c": 30}
    assert (debts.obligations, debts.transfers()) == (4, 1)


@pytest.mark.parametrize("order", ["own-then-largest", "own-then-oldest", "proportional"])
async def test_a_whole_history_is_decided_anew(make_database: MakeDatabase, order: str) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(300, members(20), stores(4), group=5), processes=1)
    told: list[int] = []

    tally, _ = await what_if(made.app_dsn, order, lambda done, _: told.append(done))

    assert told[-1] == 300
    assert sum(tally.then.nets().values()) == sum(tally.today.nets().values()) == 0
    assert tally.spendings > 50
    assert (tally.otherwise == 0) == (order == "own-then-largest")
    assert tally != Tally()
