"""What a call names by id, found before it is decided: entries, reversals, payments."""

import json
from typing import Any
from uuid import UUID

import asyncpg

from events.envelope import open_envelope, timestamp
from events.log import partition_of
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Entry, NotReversible, Part, TillEvent, entry_of
from wallet_ledger.publish import from_contract
from wallet_ledger.queries import being_filled
from wallet_ledger.records import payment_of
from web.problems import Problem

EVENT = "SELECT stream, body FROM log.event WHERE event_id = $1 AND partition < $2"

# Each tells in the same statement whether the views hold all that the log says: while they are
# being filled again, what is not found may well be there.
REVERSAL = """
SELECT w.whole, r.*
FROM (SELECT count(*) AS whole FROM view.whole) AS w
LEFT JOIN (
    SELECT wallet_id, event_id FROM view.reversal WHERE reversal_id = $1 LIMIT 1
) AS r ON true
"""

REVERSALS = """
SELECT w.whole, r.*
FROM (SELECT count(*) AS whole FROM view.whole) AS w
LEFT JOIN (
    SELECT reversal_id, state, event_id AS reversed_event_id, wallet_id AS member_id, requested_by,
        reason
    FROM view.reversal
    WHERE reversal_id > $1 AND ($2::text IS NULL OR state = $2)
    ORDER BY reversal_id LIMIT $3
) AS r ON true
ORDER BY r.reversal_id
"""

PAYMENT = """
SELECT EXISTS (SELECT FROM view.whole w WHERE w.partition = $1) AS whole,
    (SELECT row_to_json(p)::text FROM view.payment p
     WHERE p.partition = $1 AND p.wallet_id = $2 AND p.payment_id = $3) AS payment
FROM log.counter c WHERE c.partition = $1
"""


class Records:
    """Looks up by id what is in the log and its views now."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def entry(self, event_id: str) -> tuple[str, Entry] | None:
        """Return (wallet id, what can be undone of it), None for no such event.

        Raises Problem 409 `wrong-state` for an event that cannot be reversed.
        """
        row = await self._pool.fetchrow(EVENT, UUID(event_id), PARTITIONS)
        if row is None:
            return None
        event = from_contract(open_envelope(row["body"]).data)
        if not isinstance(event, TillEvent):
            raise Problem("wrong-state", "only an entry of a till can be reversed")
        try:
            return row["stream"], entry_of(event_id, event)
        except NotReversible:
            raise Problem("wrong-state", "this entry moved no money") from None

    async def reversal(self, reversal_id: str) -> tuple[str, str] | None:
        """Return (wallet id, id of the entry) of a reversal, or None. Raises Problem 503."""
        row = await self._pool.fetchrow(REVERSAL, reversal_id)
        assert row is not None
        if row["whole"] < PARTITIONS:
            raise being_filled()
        return None if row["wallet_id"] is None else (row["wallet_id"], row["event_id"])

    async def reversals(self, state: str | None, after: str, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` reversals whose id is beyond `after`, oldest first.

        Raises Problem 503 while some views are being filled again.
        """
        rows = await self._pool.fetch(REVERSALS, after, state, limit)
        if rows[0]["whole"] < PARTITIONS:
            raise being_filled()
        found = [row for row in rows if row["reversal_id"] is not None]
        return [{name: value for name, value in row.items() if name != "whole"} for row in found]

    async def payment(self, wallet_id: str, payment_id: str) -> dict[str, Any] | None:
        """Return a payment as the API shows it: what is held, what was paid and not refunded.

        Raises Problem 503 while its views are being filled again.
        """
        partition = partition_of(wallet_id, PARTITIONS)
        row = await self._pool.fetchrow(PAYMENT, partition, wallet_id, payment_id)
        assert row is not None
        if not row["whole"]:
            raise being_filled()
        if row["payment"] is None:
            return None
        payment = payment_of(json.loads(row["payment"]))
        return {
            "payment_id": payment.payment_id,
            "order_id": payment.order_id,
            "state": payment.state,
            "expires_at": timestamp(payment.expires_at),
            "held": [_shown(part) for part in payment.held],
            "paid": [_shown(part) for part in payment.paid],
        }


def _shown(part: Part) -> dict[str, Any]:
    allocations = [{"issuer": a.issuer, "amount": a.amount} for a in part.allocations]
    return {"store_id": part.store_id, "amount": part.amount, "allocations": allocations}
