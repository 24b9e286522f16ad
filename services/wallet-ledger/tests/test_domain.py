"""The rules of a wallet: the trial of 2016, a row per refusal, and what no sequence can break."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_ledger.domain import (
    BALANCE_MAX,
    Allocation,
    BalanceTooLarge,
    CashedOut,
    CashOut,
    ChangeRedeemed,
    ChangeSaved,
    Command,
    Entry,
    EntryReversed,
    Event,
    PaymentDebited,
    PaymentHeld,
    PaymentRefunded,
    RecordSale,
    Redeem,
    Rejected,
    SaleRecorded,
    Till,
    TopUp,
    TopUpWithCash,
    Wallet,
    allocate,
    booked,
    decide,
    evolve,
    fold,
    postings,
)

GOLDEN = json.loads(Path(__file__).with_name("campus_2016.json").read_text())
NOW = datetime(2026, 11, 22, tzinfo=UTC)
KANTIN = Till("1000", "kantin", "kasir-1")


def at(store: str) -> Till:
    return Till("1000", store, f"kasir-{store}")


def sale(total: int, tendered: int, *, save: bool = False, consented: bool = True) -> RecordSale:
    return RecordSale(KANTIN, total, tendered, save, consented, auto_save_below=500)


def test_the_trial_of_2016_gives_its_balances_debts_and_buckets() -> None:
    wallet, debts = Wallet(), list[tuple[str, str, int]]()
    for step in GOLDEN["transactions"]:
        saved, paid = step["saved"], step["paid"]
        till = at(step["store"])
        command = (
            Redeem(till, paid) if paid else RecordSale(till, 1000, 1000 + saved, True, True, 500)
        )
        (event,) = decide(wallet, command, NOW)
        wallet = evolve(wallet, event)
        assert wallet.balance == step["balance"]
        if isinstance(event, ChangeRedeemed):
            debts += [
                (a.issuer, till.store_id, a.amount)
                for a in event.allocations
                if a.issuer != till.store_id
            ]
    assert debts == [(d["debtor"], d["creditor"], d["amount"]) for d in GOLDEN["debts"]]
    final: dict[str, int] = GOLDEN["final_buckets"]
    assert wallet.buckets == {issuer: held for issuer, held in final.items() if held}


@pytest.mark.parametrize(
    ("command", "saved", "returned"),
    [
        (sale(9_600, 10_000), 400, 0),  # below the threshold, with consent: not asked
        (sale(9_501, 10_000), 499, 0),
        (sale(9_500, 10_000), 0, 500),  # at the threshold: asked, and the answer was no
        (sale(9_500, 10_000, save=True), 500, 0),
        (sale(9_600, 10_000, consented=False), 0, 400),  # no consent: asked for every amount
        (sale(9_600, 10_000, save=True, consented=False), 400, 0),
        (sale(10_000, 10_000, save=True), 0, 0),  # nothing to save
    ],
)
def test_the_ladder_of_change(command: RecordSale, saved: int, returned: int) -> None:
    (event,) = decide(Wallet(), command, NOW)

    assert isinstance(event, ChangeSaved if saved else SaleRecorded)
    assert event.cash_returned == returned
    assert fold([event]).balance == saved


@pytest.mark.parametrize(
    ("buckets", "store", "amount", "expected"),
    [
        ({"a": 5, "b": 9}, "a", 3, [("a", 3)]),  # the paying store's own bucket first
        ({"a": 5, "b": 9, "c": 7}, "a", 15, [("a", 5), ("b", 9), ("c", 1)]),  # then the largest
        ({"c": 4, "b": 4, "a": 4}, "z", 9, [("a", 4), ("b", 4), ("c", 1)]),  # ties by id
        ({"b-10": 4, "b-9": 4}, "z", 5, [("b-10", 4), ("b-9", 1)]),  # as text, not as number
        ({"a": 0, "b": 4}, "a", 4, [("b", 4)]),  # nothing is taken from nothing
    ],
)
def test_the_order_of_allocation(
    buckets: dict[str, int], store: str, amount: int, expected: list[tuple[str, int]]
) -> None:
    assert [(a.issuer, a.amount) for a in allocate(buckets, [(store, amount)])[0]] == expected


@pytest.mark.parametrize(
    ("history", "command", "refusal"),
    [
        ([], Redeem(KANTIN, 1), "available=0 requested=1"),
        ([TopUp(at("a"), "a", 9)], Redeem(KANTIN, 10), "available=9 requested=10"),
        ([TopUp(at("a"), "a", 9)], CashOut(KANTIN, 1), "available=0 requested=1"),
        ([], sale(10_000, 9_999), "tendered=9999 sale_total=10000"),
        (
            [TopUp(KANTIN, "kantin", BALANCE_MAX)],
            TopUpWithCash(KANTIN, 1),
            f"balance={BALANCE_MAX} amount=1",
        ),
        (
            [TopUp(KANTIN, "kantin", BALANCE_MAX - 399)],
            sale(9_600, 10_000),
            "amount=400",
        ),
    ],
)
def test_refusals(history: list[TopUp], command: Command, refusal: str) -> None:
    wallet = fold(history)

    with pytest.raises(Rejected, match=refusal):
        decide(wallet, command, NOW)


def test_an_event_of_a_till_says_all_that_the_command_did() -> None:
    saved = ChangeSaved(KANTIN, "kantin", 1, 99, 100, 0)
    sold = SaleRecorded(KANTIN, 99, 100, 1)

    assert decide(Wallet(), TopUpWithCash(KANTIN, 7), NOW) == [TopUp(KANTIN, "kantin", 7)]
    assert decide(Wallet(), sale(99, 100), NOW) == [saved]
    assert decide(Wallet(), sale(99, 100, consented=False), NOW) == [sold]


@pytest.mark.parametrize(
    ("command", "field"), [(TopUpWithCash(KANTIN, 1), "amount"), (sale(99, 100), "tendered")]
)
def test_a_refusal_for_the_bound_names_the_field_that_was_asked(
    command: Command, field: str
) -> None:
    with pytest.raises(BalanceTooLarge) as refusal:
        decide(Wallet({"a": BALANCE_MAX}), command, NOW)

    assert refusal.value.field == field


SPENT = (Allocation("kantin", 3), Allocation("koperasi", 2))
SAVED = (Allocation("kantin", 5),)
CREDIT = Entry("e", "1000", "kantin", "credit", "cash", SAVED)
DEBIT = Entry("e", "1000", "kantin", "debit", "redeemed", SPENT)


@pytest.mark.parametrize(
    ("event", "moved"),
    [
        (TopUp(KANTIN, "kantin", 5), [("kantin", 5)]),
        (ChangeSaved(KANTIN, "kantin", 5, 10, 15, 0), [("kantin", 5)]),
        (SaleRecorded(KANTIN, 10, 15, 5), []),
        (ChangeRedeemed(KANTIN, 5, SPENT), [("kantin", -3), ("koperasi", -2)]),
        (CashedOut(KANTIN, 5, SAVED), [("kantin", -5)]),
        (PaymentHeld("p", "o", (), NOW), []),
        (PaymentDebited("p", "o", "kantin", 5, SPENT), [("kantin", -3), ("koperasi", -2)]),
        (PaymentRefunded("p", "o", "kantin", 5, SPENT), [("kantin", 3), ("koperasi", 2)]),
        (EntryReversed("r", CREDIT, "ana", "budi", "typed twice"), [("kantin", -5)]),
        (EntryReversed("r", DEBIT, "ana", "budi", "x"), [("kantin", 3), ("koperasi", 2)]),
    ],
)
def test_what_an_event_moves_is_what_it_does_to_the_buckets(
    event: Event, moved: list[tuple[str, int]]
) -> None:
    before = {"kantin": 10, "koperasi": 10}
    after = evolve(Wallet(before), event).buckets
    assert {issuer: held - before[issuer] for issuer, held in after.items()} == {
        **dict.fromkeys(before, 0),
        **dict(moved),
    }
    legs = [(p.account, p.amount) for p in postings("w", event)[:-1]]
    assert legs == [(f"wallet:w:{issuer}", amount) for issuer, amount in moved]

    wallet = Wallet(before)
    assert booked(wallet, "w", event) == (evolve(wallet, event), postings("w", event))


def test_cash_out_takes_only_what_this_store_holds() -> None:
    wallet = fold([TopUp(at("a"), "a", 9), TopUp(KANTIN, "kantin", 5)])

    assert decide(wallet, CashOut(KANTIN, 5), NOW) == [
        CashedOut(KANTIN, 5, (Allocation("kantin", 5),))
    ]


STORES = st.sampled_from(["a", "b", "c"])
AMOUNTS = st.integers(1, 1_000)
COMMANDS = st.one_of(
    st.builds(TopUpWithCash, st.builds(at, STORES), AMOUNTS),
    st.builds(Redeem, st.builds(at, STORES), AMOUNTS),
    st.builds(CashOut, st.builds(at, STORES), AMOUNTS),
    st.builds(
        RecordSale,
        st.builds(at, STORES),
        AMOUNTS,
        AMOUNTS,
        st.booleans(),
        st.booleans(),
        st.just(500),
    ),
)


@given(st.lists(COMMANDS, max_size=40))
def test_no_sequence_overdraws_and_every_event_balances(commands: list[Command]) -> None:
    wallet, paid_in, paid_out = Wallet(), 0, 0
    for command in commands:
        try:
            (event,) = decide(wallet, command, NOW)
        except Rejected:
            continue
        wallet = evolve(wallet, event)
        match event:
            case TopUp(_, _, amount) | ChangeSaved(_, _, amount):
                paid_in += amount
            case ChangeRedeemed(_, amount, allocations) | CashedOut(_, amount, allocations):
                paid_out += amount
                assert sum(a.amount for a in allocations) == amount
            case _:
                assert isinstance(event, SaleRecorded)
        assert min(wallet.buckets.values(), default=0) >= 0
        assert sum(p.amount for p in postings("w", event)) == 0
    assert wallet.balance == paid_in - paid_out


@pytest.mark.parametrize("before", [{}, {"a": 3}])
def test_an_event_that_moves_nothing_is_no_bucket_of_nothing(before: dict[str, int]) -> None:
    after = evolve(Wallet(before), TopUp(KANTIN, "kantin", 0))

    assert (after.buckets, after.version) == (before, 1)
