"""The SQL by which wallets are loaded and groups are written; the log's own is libs/events'."""

from collections.abc import Iterable

from events import log
from events.log import Connection
from wallet_ledger.domain import Wallet
from wallet_ledger.group import Decision

BUCKETS = """
SELECT wallet_id, issuer, balance FROM view.bucket
WHERE partition = $1 AND wallet_id = ANY ($2::text[])
"""

VERSIONS = """
SELECT w.wallet_id, (
    SELECT max(e.version) FROM log.event e WHERE e.partition = $1 AND e.stream = w.wallet_id
) AS version
FROM unnest($2::text[]) AS w (wallet_id)
"""

APPEND_GROUP = """
SELECT first_position, recorded_at
FROM log.append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

RAISE_EPOCH = 'SELECT epoch, "position" FROM log.raise_epoch($1)'


async def load_wallets(
    connection: Connection, partition: int, wallet_ids: Iterable[str]
) -> dict[str, Wallet]:
    """Return the wallets named, those without events at version 0."""
    ids = list(wallet_ids)
    buckets: dict[str, dict[str, int]] = {wallet_id: {} for wallet_id in ids}
    for row in await connection.fetch(BUCKETS, partition, ids):
        buckets[row["wallet_id"]][row["issuer"]] = row["balance"]
    return {
        row["wallet_id"]: Wallet(buckets[row["wallet_id"]], row["version"] or 0)
        for row in await connection.fetch(VERSIONS, partition, ids)
    }


async def raise_epoch(connection: Connection, partition: int) -> tuple[int, int]:
    """Become the writer: return (epoch, last position). Waits for an append in flight."""
    row = await connection.fetchrow(RAISE_EPOCH, partition)
    assert row is not None
    return row["epoch"], row["position"]


async def append_group(
    connection: Connection, partition: int, epoch: int, position: int, decision: Decision
) -> None:
    """Write a group in one statement, which is one commit; `position` is the last one before it.

    Raises asyncpg.PostgresError: sqlstate log.FENCED or log.OTHER_POSITION if another writer took
    over, class 23 if a key or a version exists already or a balance would be negative.
    """
    buckets = decision.buckets()
    await connection.fetchrow(
        APPEND_GROUP,
        *log.append_arguments(
            partition,
            decision.events,
            decision.outcomes,
            epoch=epoch,
            first_position=position + 1,
        ),
        [wallet_id for wallet_id, _, _ in buckets],
        [issuer for _, issuer, _ in buckets],
        [balance for _, _, balance in buckets],
    )
