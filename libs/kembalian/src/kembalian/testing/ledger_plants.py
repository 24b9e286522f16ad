"""Faults of the money in the ledger's log: each is planted by a superuser and says what is due."""

from typing import Any

import asyncpg

from events.contracts.base import Allocation, Posting
from events.contracts.wallet import ChangeRedeemed, EntryReversed, PaymentRefunded
from kembalian.testing.plants import LEDGER, Where, append, change_body, inside

SMALL_BUCKET = """
SELECT b.partition, b.wallet_id, b.issuer, b.balance, w.balance FROM view.bucket b
JOIN (SELECT wallet_id, sum(balance)::bigint AS balance FROM view.bucket GROUP BY wallet_id) AS w
    USING (wallet_id)
WHERE w.balance > b.balance + 10 ORDER BY b.wallet_id, b.balance LIMIT 1
"""


async def postings_that_do_not_sum_to_zero(connection: asyncpg.Connection) -> Where:
    """Let a double entry gain one rupiah (1), with links that fit."""
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["postings"][0]["amount"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(1, LEDGER, event["partition"], event["position"], event["stream"])


async def a_bucket_overdrawn(connection: asyncpg.Connection) -> Where:
    """Spend 10 more of one bucket than it holds, out of a wallet that has enough in all."""
    row = await connection.fetchrow(SMALL_BUCKET)
    assert row is not None
    partition, wallet_id, issuer, least, balance = row.values()
    amount = least + 10
    event = ChangeRedeemed(
        wallet_id=wallet_id,
        card_number="1000",
        store_id=issuer,
        cashier_id="nobody",
        balance=balance - amount,
        postings=(
            Posting(account=f"wallet:{wallet_id}:{issuer}", amount=-amount),
            Posting(account=f"store:{issuer}:redeemed", amount=amount),
        ),
        amount=amount,
        allocations=(Allocation(issuer=issuer, amount=amount),),
    )
    position = await append(connection, partition, wallet_id, event)
    await connection.execute("ALTER TABLE view.wallet DROP CONSTRAINT wallet_balances_check")
    await connection.execute(
        "UPDATE view.wallet SET version = version + 1,"
        " balances[array_position(issuers, $2)] = -10 WHERE wallet_id = $1",
        wallet_id,
        issuer,
    )
    return Where(2, LEDGER, partition, position, wallet_id)


async def a_balance_that_is_said_wrongly(connection: asyncpg.Connection) -> Where:
    """Let an event say a balance that its wallet never had (3)."""
    event = await inside(connection, "ChangeSaved")

    def change(data: dict[str, Any]) -> None:
        data["balance"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(3, LEDGER, event["partition"], event["position"], event["stream"])


async def allocations_that_do_not_sum_to_the_amount(connection: asyncpg.Connection) -> Where:
    """Let a redemption name more than its allocations (4)."""
    event = await inside(connection, "ChangeRedeemed")

    def change(data: dict[str, Any]) -> None:
        data["amount"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(4, LEDGER, event["partition"], event["position"], event["stream"])


async def a_refund_of_what_was_never_paid(connection: asyncpg.Connection) -> Where:
    """Bring back money of a payment that the wallet never made (4)."""
    row = await connection.fetchrow(SMALL_BUCKET)
    assert row is not None
    partition, wallet_id, issuer, _, balance = row.values()
    event = PaymentRefunded(
        wallet_id=wallet_id,
        payment_id="never",
        order_id="never",
        store_id=issuer,
        balance=balance + 5,
        postings=_back(wallet_id, issuer, "paid", 5),
        amount=5,
        allocations=(Allocation(issuer=issuer, amount=5),),
    )
    position = await append(connection, partition, wallet_id, event)
    return Where(4, LEDGER, partition, position, wallet_id)


async def a_reversal_of_no_entry(connection: asyncpg.Connection) -> Where:
    """Undo an entry that nobody made (4)."""
    row = await connection.fetchrow(SMALL_BUCKET)
    assert row is not None
    partition, wallet_id, issuer, _, balance = row.values()
    event = EntryReversed(
        wallet_id=wallet_id,
        reversal_id="never",
        event_id="01990000-0000-7000-8000-000000000000",
        card_number="1000",
        store_id=issuer,
        balance=balance + 5,
        postings=_back(wallet_id, issuer, "redeemed", 5),
        amount=5,
        allocations=(Allocation(issuer=issuer, amount=5),),
        direction="debit",
        account="redeemed",
        requested_by="one",
        approved_by="another",
        reason="none",
    )
    position = await append(connection, partition, wallet_id, event)
    return Where(4, LEDGER, partition, position, wallet_id)


def _back(wallet_id: str, issuer: str, account: str, amount: int) -> tuple[Posting, ...]:
    return (
        Posting(account=f"wallet:{wallet_id}:{issuer}", amount=amount),
        Posting(account=f"store:{issuer}:{account}", amount=-amount),
    )
