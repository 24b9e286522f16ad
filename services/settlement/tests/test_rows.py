"""The rows of an event are those of the rule, by whichever way and in whichever form it came."""

from datetime import timedelta

import pytest
from asyncpg.pgproto.pgproto import UUID
from hypothesis import given
from hypothesis import strategies as st

from events.contracts.identity import MemberConsentChanged
from events.contracts.wallet import TopUp
from events.envelope import Opened
from events.quickly import open_quickly
from events.received import Received
from settlement.domain import PLATFORM, Kind, movements, obligations, saved_and_paid
from settlement.meaning import KINDS, UnknownEvent, balance_event, card_and_cashier, moves
from settlement.projections import add_rows, rows_of, totals_of
from settlement.rows import EntryRow, MovementRow, ObligationRow, Rows, TotalRow
from settlement.testing.ledger import START, SUSILA, Ledger
from settlement.testing.publishing import recorded

STORES = ("fotokopi", "kantin", "koperasi")
AMOUNTS = st.integers(min_value=1, max_value=10**12 - 10_000)


def by_the_rule(event: Received) -> Rows:
    """Return the rows as the domain's functions give them, one after the other."""
    data = event.envelope.data
    assert moves(data)
    meaning = balance_event(data)
    head = (event.partition, event.position)
    of_event = (event.recorded_at, UUID(event.envelope.event_id))
    card, cashier = card_and_cashier(data)
    entry = EntryRow(
        *(*head, 0, *of_event, meaning.kind.value, data.wallet_id, card, data.store_id, cashier),
        *(*saved_and_paid(meaning), data.balance),
    )
    owed = [
        ObligationRow(*head, n, *of_event, o.debtor, o.creditor, card, o.amount)
        for n, o in enumerate(obligations(meaning))
    ]
    moved = [
        MovementRow(*head, n, event.recorded_at, *movement)
        for n, movement in enumerate(movements(meaning))
    ]
    return Rows([entry], owed, moved)


@st.composite
def histories(draw: st.DrawFn) -> list[Received]:
    """Draw events of all kinds, of one wallet, at stores and with amounts of any size."""
    ledger, store = Ledger(), st.sampled_from(STORES)
    for _ in range(draw(st.integers(1, 3))):
        paid_in = ledger.top_up(SUSILA, draw(store), draw(AMOUNTS)).envelope.data
        assert isinstance(paid_in, TopUp)
        ledger.tell(paid_in.model_copy(update={"issuer": PLATFORM}))  # at a bank
        ledger.save(SUSILA, draw(store), draw(AMOUNTS))

    def some() -> int:
        return draw(st.integers(1, max(1, sum(ledger.buckets[SUSILA].values()) // 8)))

    ledger.reverse(ledger.redeem(SUSILA, draw(store), some()))
    ledger.cash_out(SUSILA, draw(store), some())
    paid = ledger.pay(SUSILA, draw(store), amount := some())
    ledger.refund(paid, draw(st.integers(1, amount)))
    ledger.reverse(ledger.save(SUSILA, draw(store), draw(AMOUNTS)))
    return ledger.events


@given(histories())
def test_every_kind_in_every_form_gives_the_rows_of_the_rule(history: list[Received]) -> None:
    forms = set[type]()
    expected, found = Rows([], [], []), Rows([], [], [])
    for event in history:
        rows = by_the_rule(event)
        quick = event._replace(envelope=open_quickly(recorded(event).body))
        forms |= {type(event.envelope.data), type(quick.envelope.data)}

        assert rows_of(event) == rows
        assert rows_of(quick) == rows

        add_rows(found, *quick[1:])
        expected.entries.extend(rows.entries)
        expected.obligations.extend(rows.obligations)
        expected.movements.extend(rows.movements)
    assert found == expected
    assert forms == set(KINDS)
    assert {entry.kind for entry in found.entries} == {kind.value for kind in Kind}


def test_an_event_without_a_meaning_leaves_no_row() -> None:
    data = MemberConsentChanged(member_id=SUSILA, auto_save_consent=True)
    name = "kembalian.identity.MemberConsentChanged.v1"
    envelope = Opened("e1", name, SUSILA, 1, "2026-11-22T02:00:00Z", data)
    rows = Rows([], [], [])

    with pytest.raises(UnknownEvent, match="MemberConsentChanged"):
        add_rows(rows, 0, 1, START, envelope)

    assert rows == Rows([], [], [])


def test_sums_are_per_partition_and_store_and_of_the_last_event() -> None:
    later = START + timedelta(seconds=1)

    totals = totals_of(
        [
            MovementRow(1, 9, 0, later, "kantin", 1, 2, 3),
            MovementRow(1, 8, 1, START, "kantin", 10, 20, -30),
            MovementRow(1, 8, 0, START, "fotokopi", 5, 0, 0),
            MovementRow(0, 7, 0, START, "kantin", 0, 0, 4),
        ]
    )

    assert totals == [
        TotalRow(0, "kantin", 0, 0, 4, 7, START),
        TotalRow(1, "fotokopi", 5, 0, 0, 8, START),
        TotalRow(1, "kantin", 11, 22, -27, 9, later),
    ]
