"""Payments and reversals as rows: whatever is written is read as it was."""

import json
from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wallet_ledger.domain import Allocation, Part, Payment, Reversal, Wallet
from wallet_ledger.records import (
    PAYMENT_COLUMNS,
    REVERSAL_COLUMNS,
    payment_of,
    payment_row,
    reversal_of,
    reversal_row,
)
from wallet_ledger.store import records_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC])).filter(lambda t: t.year > 1000)
ALLOCATIONS = st.lists(
    st.builds(Allocation, TEXTS, st.integers(1, 10**12)), min_size=1, max_size=3
).map(tuple[Allocation, ...])
PARTS = st.lists(
    st.tuples(TEXTS, ALLOCATIONS).map(lambda p: Part(p[0], sum(a.amount for a in p[1]), p[1])),
    max_size=3,
).map(tuple[Part, ...])
PAYMENTS = st.builds(
    Payment,
    TEXTS,
    TEXTS,
    st.sampled_from(["held", "debited", "released", "expired"]),
    MOMENTS,
    PARTS,
    PARTS,
)
REVERSALS = st.builds(
    Reversal, TEXTS, TEXTS, st.sampled_from(["requested", "approved", "rejected"]), TEXTS, TEXTS
)


@given(PAYMENTS)
def test_a_payment_comes_back_as_it_was(payment: Payment) -> None:
    row = json.loads(json.dumps(payment_row("w", payment)))

    assert tuple(row) == PAYMENT_COLUMNS
    assert (row["wallet_id"], payment_of(row)) == ("w", payment)
    assert payment_of({**row, "expires_at": payment.expires_at}) == payment  # as asyncpg has it
    assert payment_of({**row, "expires_at": row["expires_at"].replace("Z", "+00:00")}) == payment


@given(REVERSALS)
def test_a_reversal_comes_back_as_it_was(reversal: Reversal) -> None:
    row = json.loads(json.dumps(reversal_row("w", reversal)))

    assert tuple(row) == REVERSAL_COLUMNS
    assert (row["wallet_id"], reversal_of(row)) == ("w", reversal)


@given(PAYMENTS, REVERSALS)
def test_only_what_a_group_moved_is_written(payment: Payment, reversal: Reversal) -> None:
    other = Payment("other", "o", "held", payment.expires_at + timedelta(0), ())
    payments = {payment.payment_id: payment, "other": other}
    wallets = {"w": Wallet(payments=payments, reversals={reversal.reversal_id: reversal})}

    rows = records_of(wallets, {("w", payment.payment_id), ("w", reversal.reversal_id)})

    assert rows is not None
    assert json.loads(rows)["payments"] == [payment_row("w", payment)] or "other" in (
        payment.payment_id,
        reversal.reversal_id,
    )
    assert json.loads(rows)["reversals"] == [reversal_row("w", reversal)]
    assert records_of(wallets, set()) is None
