"""Reads of wallets: now from the buckets, in the past from the log itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from events import log
from events.contracts import wallet as contract
from events.envelope import open_envelope, timestamp
from events.log import Connection
from events.place import Place
from wallet_ledger import domain
from wallet_ledger.config import PARTITIONS
from wallet_ledger.publish import from_contract
from wallet_ledger.records import payment_of
from web.periods import Period, parse_time
from web.problems import Problem, invalid

NOW = """
SELECT c.position, CASE WHEN c.position = 0 THEN clock_timestamp() ELSE c.recorded_at END AS at,
    coalesce(v.version, 0) AS version, coalesce(v.issuers, '{}') AS issuers,
    coalesce(v.balances, '{}') AS balances,
    (SELECT json_agg(p)::text FROM view.payment p
     WHERE p.partition = $1 AND p.wallet_id = $2 AND p.state = 'held') AS held,
    EXISTS (SELECT FROM view.whole w WHERE w.partition = $1) AS whole
FROM log.counter c LEFT JOIN view.wallet v ON v.partition = c.partition AND v.wallet_id = $2
WHERE c.partition = $1
"""

HISTORY = """
SELECT body FROM log.event
WHERE partition = $1 AND stream = $2 AND position <= $3 ORDER BY version
"""

RECORDED_AT = "SELECT recorded_at FROM log.event WHERE partition = $1 AND position = $2"

TRANSACTIONS = """
SELECT version, recorded_at, body FROM log.event
WHERE partition = $1 AND stream = $2 AND version > $3 AND type <> ALL ($6::text[])
    AND ($4::timestamptz IS NULL OR recorded_at >= $4)
    AND ($5::timestamptz IS NULL OR recorded_at < $5)
ORDER BY version LIMIT $7
"""

BALANCES = """
SELECT w.whole, b.*
FROM (SELECT count(*) AS whole FROM view.whole) AS w
LEFT JOIN (
    SELECT wallet_id, sum(balance)::bigint AS balance FROM view.bucket
    WHERE wallet_id = ANY ($1::text[]) GROUP BY wallet_id
) AS b ON true
"""

NOT_IN_STATEMENTS = [
    f"kembalian.wallet.{name}.v1"
    for name in (
        "SaleRecorded",
        "PaymentHeld",
        "PaymentHoldReleased",
        "ReversalRequested",
        "ReversalRejected",
    )
]
"""Events that move no balance."""


@dataclass(frozen=True, slots=True)
class WalletView:
    """A wallet at a moment; `place` names its own partition alone."""

    wallet: domain.Wallet
    as_of: datetime
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a member's statement, amounts in rupiah, and its version for the next page."""

    version: int
    item: dict[str, Any]


class AheadOfLog(ValueError):
    """A position that the log has not reached: it was never given out."""


def being_filled() -> Problem:
    """Return what whoever asks is told while views that were dropped are not whole again: 503."""
    return Problem("unavailable", "the views are being filled again")


async def wallet_now(pool: asyncpg.Pool, partition: int, wallet_id: str) -> WalletView:
    """Return the wallet as it is: buckets, version and place out of one snapshot.

    Raises Problem 503 while its views are being filled again.
    """
    row = await pool.fetchrow(NOW, partition, wallet_id)
    assert row is not None
    if not row["whole"]:
        raise being_filled()
    buckets = dict(zip(row["issuers"], row["balances"], strict=True))
    held = [payment_of(payment) for payment in json.loads(row["held"] or "[]")]
    wallet = domain.Wallet(buckets, row["version"], {p.payment_id: p for p in held})
    return WalletView(wallet, row["at"], Place.of({partition: row["position"]}))


async def wallet_at(
    connection: Connection, partition: int, wallet_id: str, position: int
) -> WalletView:
    """Return the wallet as the first `position` events of its partition left it.

    Raises AheadOfLog.
    """
    recorded_at = await connection.fetchval(RECORDED_AT, partition, position)
    if recorded_at is None and position > 0:
        raise AheadOfLog(str(position))
    rows = await connection.fetch(HISTORY, partition, wallet_id, position)
    wallet = domain.fold(from_contract(open_envelope(row["body"]).data) for row in rows)
    as_of = recorded_at or datetime.fromtimestamp(0).astimezone()
    return WalletView(wallet, as_of, Place.of({partition: position}))


async def transactions(
    pool: asyncpg.Pool, partition: int, wallet_id: str, period: Period, after: int, limit: int
) -> Sequence[Entry]:
    """Return at most `limit` entries of a wallet after version `after`, oldest first."""
    rows = await pool.fetch(
        TRANSACTIONS,
        partition,
        wallet_id,
        after,
        period.start,
        period.end,
        NOT_IN_STATEMENTS,
        limit,
    )
    return [Entry(row["version"], _item(row["recorded_at"], row["body"])) for row in rows]


def _item(recorded_at: datetime, body: bytes) -> dict[str, Any]:
    envelope = open_envelope(body)
    store_id, kind, saved, paid, spent = _moved(from_contract(envelope.data))
    assert isinstance(envelope.data, contract.WalletEvent)  # from_contract refuses all others
    return {
        "event_id": envelope.event_id,
        "at": timestamp(recorded_at),
        "store_id": store_id,
        "kind": kind,
        "saved": saved,
        "paid": paid,
        "balance": envelope.data.balance,
        "allocations": [{"issuer": a.issuer, "amount": a.amount} for a in spent],
    }


Line = tuple[str, str, int, int, tuple[domain.Allocation, ...]]
"""(store id, kind, saved, paid, allocations) of a line of a statement, rupiah."""


def _moved(event: domain.Event) -> Line:
    match event:
        case domain.TopUp(till, _, amount):
            line = (till.store_id, "topup", amount, 0, ())
        case domain.ChangeSaved(till, _, amount):
            line = (till.store_id, "change", amount, 0, ())
        case domain.ChangeRedeemed(till, amount, spent):
            line = (till.store_id, "redemption", 0, amount, spent)
        case domain.CashedOut(till, amount, spent):
            line = (till.store_id, "cashout", 0, amount, spent)
        case domain.PaymentDebited(_, _, store_id, amount, spent):
            line = (store_id, "payment", 0, amount, spent)
        case domain.PaymentRefunded(_, _, store_id, amount, back):
            line = (store_id, "refund", amount, 0, back)
        case domain.EntryReversed(_, entry):
            taken = entry.amount if entry.direction == "credit" else 0
            given = entry.amount - taken
            line = (entry.store_id, "reversal", given, taken, entry.allocations)
        case _:
            raise ValueError(f"{type(event).__name__} is in no statement")
    return line


async def balances(pool: asyncpg.Pool, wallet_ids: list[str]) -> dict[str, int]:
    """Return wallet id -> rupiah over all buckets; 0 for a wallet without events.

    Raises Problem 503 while some views are being filled again.
    """
    rows = await pool.fetch(BALANCES, wallet_ids)
    if rows[0]["whole"] < PARTITIONS:
        raise being_filled()
    found = {row["wallet_id"]: row["balance"] for row in rows}
    return {wallet_id: found.get(wallet_id, 0) for wallet_id in wallet_ids}


async def view(
    pool: asyncpg.Pool, wallet_id: str, as_of: str | None, position: str | None
) -> WalletView:
    """Return a wallet now, at the time `as_of` or at a `position`. Raises Problem 422."""
    if as_of is not None and position is not None:
        raise invalid("position", "cannot be combined with as_of")
    partition = log.partition_of(wallet_id, PARTITIONS)
    if as_of is None and position is None:
        return await wallet_now(pool, partition, wallet_id)
    async with pool.acquire() as connection:
        if as_of is not None:
            moment = parse_time(as_of, field="as_of")
            reached = (await place_at(connection, moment, "as_of")).at(partition)
            found = await wallet_at(connection, partition, wallet_id, reached)
            return replace(found, as_of=moment)
        try:
            named = Place.parse(position or "")
            if partition not in named.partitions():
                raise ValueError("another partition")
            return await wallet_at(connection, partition, wallet_id, named.at(partition))
        except ValueError:
            raise invalid("position", "is not a position of this wallet") from None


async def place_at(connection: Connection, moment: datetime, field: str) -> Place:
    """Return the log's place at `moment`. Raises Problem 422 naming `field`."""
    try:
        return await log.place_at(connection, moment)
    except log.FutureMoment:
        raise invalid(field, "must not lie in the future") from None


def rendered(wallet_id: str, view: WalletView) -> dict[str, Any]:
    """Return a wallet as the API shows it: buckets by issuer."""
    buckets = sorted(view.wallet.buckets.items())
    return {
        "member_id": wallet_id,
        "balance": view.wallet.balance,
        "available": view.wallet.available,
        "buckets": [{"issuer": i, "balance": b} for i, b in buckets],
        "version": view.wallet.version,
        "as_of": timestamp(view.as_of),
        "ledger_position": str(view.place),
    }
