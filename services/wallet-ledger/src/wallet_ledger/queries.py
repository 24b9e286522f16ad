"""Reads of wallets: now from the buckets, in the past from the log itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from events import log
from events.envelope import open_envelope, timestamp
from events.log import Connection
from events.place import Place
from wallet_ledger import domain
from wallet_ledger.config import PARTITIONS
from wallet_ledger.publish import from_contract
from web.periods import Period, parse_time
from web.problems import invalid

NOW = """
SELECT c.position, CASE WHEN c.position = 0 THEN clock_timestamp() ELSE c.recorded_at END AS at,
    (SELECT coalesce(max(e.version), 0) FROM log.event e
     WHERE e.partition = $1 AND e.stream = $2) AS version,
    ARRAY(SELECT b.issuer FROM view.bucket b
          WHERE b.partition = $1 AND b.wallet_id = $2 ORDER BY b.issuer) AS issuers,
    ARRAY(SELECT b.balance FROM view.bucket b
          WHERE b.partition = $1 AND b.wallet_id = $2 ORDER BY b.issuer) AS balances
FROM log.counter c WHERE c.partition = $1
"""

HISTORY = """
SELECT body FROM log.event
WHERE partition = $1 AND stream = $2 AND position <= $3 ORDER BY version
"""

RECORDED_AT = "SELECT recorded_at FROM log.event WHERE partition = $1 AND position = $2"

TRANSACTIONS = """
SELECT version, recorded_at, body FROM log.event
WHERE partition = $1 AND stream = $2 AND version > $3 AND type <> $6
    AND ($4::timestamptz IS NULL OR recorded_at >= $4)
    AND ($5::timestamptz IS NULL OR recorded_at < $5)
ORDER BY version LIMIT $7
"""

BALANCES = """
SELECT wallet_id, sum(balance)::bigint AS balance FROM view.bucket
WHERE wallet_id = ANY ($1::text[]) GROUP BY wallet_id
"""

SALE_RECORDED = "kembalian.wallet.SaleRecorded.v1"


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


async def wallet_now(pool: asyncpg.Pool, partition: int, wallet_id: str) -> WalletView:
    """Return the wallet as it is: buckets, version and place out of one snapshot."""
    row = await pool.fetchrow(NOW, partition, wallet_id)
    assert row is not None
    buckets = dict(zip(row["issuers"], row["balances"], strict=True))
    place = Place.of({partition: row["position"]})
    return WalletView(domain.Wallet(buckets, row["version"]), row["at"], place)


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
        TRANSACTIONS, partition, wallet_id, after, period.start, period.end, SALE_RECORDED, limit
    )
    return [Entry(row["version"], _item(row["recorded_at"], row["body"])) for row in rows]


def _item(recorded_at: datetime, body: bytes) -> dict[str, Any]:
    envelope = open_envelope(body)
    event = from_contract(envelope.data)
    kind, saved, paid, spent = _moved(event)
    return {
        "event_id": envelope.event_id,
        "at": timestamp(recorded_at),
        "store_id": event.till.store_id,
        "kind": kind,
        "saved": saved,
        "paid": paid,
        "balance": envelope.data.model_dump()["balance"],
        "allocations": [{"issuer": a.issuer, "amount": a.amount} for a in spent],
    }


def _moved(event: domain.Event) -> tuple[str, int, int, tuple[domain.Allocation, ...]]:
    """Return (kind, saved, paid, allocations) as a statement shows them, rupiah."""
    match event:
        case domain.TopUp(_, _, amount):
            return "topup", amount, 0, ()
        case domain.ChangeSaved(_, _, amount):
            return "change", amount, 0, ()
        case domain.SaleRecorded():
            return "sale", 0, 0, ()
        case domain.ChangeRedeemed(_, amount, spent):
            return "redemption", 0, amount, spent
        case domain.CashedOut(_, amount, spent):
            return "cashout", 0, amount, spent


async def balances(pool: asyncpg.Pool, wallet_ids: list[str]) -> dict[str, int]:
    """Return wallet id -> rupiah over all buckets; 0 for a wallet without events."""
    rows = await pool.fetch(BALANCES, wallet_ids)
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
    """Return a wallet as the API shows it: buckets by issuer, those of 0 left out."""
    buckets = sorted(view.wallet.buckets.items())
    return {
        "member_id": wallet_id,
        "balance": view.wallet.balance,
        "available": view.wallet.balance,
        "buckets": [{"issuer": i, "balance": b} for i, b in buckets if b],
        "version": view.wallet.version,
        "as_of": timestamp(view.as_of),
        "ledger_position": str(view.place),
    }
