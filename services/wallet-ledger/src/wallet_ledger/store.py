"""The SQL by which wallets are loaded and groups are written; the log's own is libs/events'."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from events import log
from events.log import Connection
from wallet_ledger.domain import Payment, Reversal, Wallet
from wallet_ledger.group import Decision, Named
from wallet_ledger.records import (
    buckets_row,
    payment_of,
    payment_row,
    reversal_of,
    reversal_row,
)

# One statement for whole groups: version, buckets and what is set aside now.
LOAD = """
SELECT w.partition, w.wallet_id, v.version, v.issuers, v.balances, h.held
FROM unnest($1::smallint[], $2::text[]) AS w (partition, wallet_id)
LEFT JOIN view.wallet v ON v.partition = w.partition AND v.wallet_id = w.wallet_id
CROSS JOIN LATERAL (
    SELECT json_agg(p)::text AS held FROM view.payment p
    WHERE p.partition = w.partition AND p.wallet_id = w.wallet_id AND p.state = 'held'
) AS h
"""

NAMED_IN_ALL, NAMED_IN_ONE = (
    "unnest($1::smallint[], $2::text[]) AS w (partition, wallet_id)",
    "unnest($2::text[]) AS w (wallet_id)",
)
# Of one partition, so that Citus sends it to the worker that has it: there it must be a constant.
LOAD_OF_ONE = LOAD.replace(NAMED_IN_ALL, NAMED_IN_ONE).replace("w.partition", "$1::smallint")

PAYMENTS = """
SELECT p.* FROM unnest($2::text[], $3::text[]) AS n (wallet_id, payment_id)
JOIN view.payment p ON p.partition = $1
    AND p.wallet_id = n.wallet_id AND p.payment_id = n.payment_id
"""

# A reversal is named by its own id or by the entry that it would undo.
REVERSALS = """
SELECT DISTINCT r.* FROM unnest($2::text[], $3::text[]) AS n (wallet_id, id)
JOIN view.reversal r ON r.partition = $1 AND r.wallet_id = n.wallet_id
    AND n.id IN (r.reversal_id, r.event_id)
"""

CLOCK = "SELECT clock_timestamp()"

EXPIRED = """
SELECT wallet_id, payment_id FROM view.payment
WHERE partition = $1 AND state = 'held' AND expires_at <= clock_timestamp()
ORDER BY expires_at LIMIT $2
"""

APPEND_GROUP = """
SELECT first_position, recorded_at
FROM log.append_group(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
)
"""

APPEND_GROUPS = """
SELECT log.append_groups(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
)
"""

IS_WHOLE = "SELECT EXISTS (SELECT FROM view.whole WHERE partition = $1)"

RAISE_EPOCH = 'SELECT epoch, "position" FROM log.raise_epoch($1)'


EPOCHS = "SELECT partition, epoch FROM log.counter WHERE partition = ANY ($1::smallint[])"


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What one partition's writer has decided; `position` is the last one before it."""

    partition: int
    epoch: int
    position: int
    decision: Decision = field(compare=False)


async def load_wallets(
    connection: Connection, named: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Wallet]:
    """Return the wallets of each (partition, wallet id), those without events at version 0.

    Of payments they have the open ones.
    """
    partitions = [partition for partition, _ in named]
    wallet_ids = [wallet_id for _, wallet_id in named]
    rows = await connection.fetch(LOAD, partitions, wallet_ids)
    return {(row[0], row[1]): _wallet_of(*row[2:]) for row in rows}


async def load_wallets_of(
    connection: Connection, partition: int, wallet_ids: Collection[str]
) -> dict[str, Wallet]:
    """Return the wallets of one partition by their ids, as `load_wallets` does."""
    rows = await connection.fetch(LOAD_OF_ONE, partition, list(wallet_ids))
    return {row[1]: _wallet_of(*row[2:]) for row in rows}


def _wallet_of(
    version: int | None, issuers: list[str] | None, balances: list[int] | None, held: str | None
) -> Wallet:
    buckets: dict[str, int] = dict(zip(issuers or (), balances or (), strict=True))
    wallet = Wallet(buckets, version or 0)
    if held is None:
        return wallet
    payments = [payment_of(p) for p in json.loads(held)]
    return replace(wallet, payments={p.payment_id: p for p in payments})


async def load_named(
    connection: Connection, partition: int, named: Named, wallets: Mapping[str, Wallet]
) -> dict[str, Wallet]:
    """Return those of `wallets` that commands name records of, with these records, settled or not.

    A record that does not exist is left out.
    """
    found: dict[str, Wallet] = {}
    if named.payments:
        columns = list(zip(*named.payments, strict=True))
        for row in await connection.fetch(PAYMENTS, partition, *map(list, columns)):
            wallet_id, payment = row["wallet_id"], payment_of(row)
            wallet = found.get(wallet_id) or wallets[wallet_id]
            payments: dict[str, Payment] = {**wallet.payments, payment.payment_id: payment}
            found[wallet_id] = replace(wallet, payments=payments)
    if named.reversals:
        columns = list(zip(*named.reversals, strict=True))
        for row in await connection.fetch(REVERSALS, partition, *map(list, columns)):
            wallet_id, reversal = row["wallet_id"], reversal_of(row)
            wallet = found.get(wallet_id) or wallets[wallet_id]
            reversals: dict[str, Reversal] = {**wallet.reversals, reversal.reversal_id: reversal}
            found[wallet_id] = replace(wallet, reversals=reversals)
    return found


async def clock(connection: Connection) -> datetime:
    """Return the database's clock."""
    return await connection.fetchval(CLOCK)


async def expired_holds(
    connection: Connection, partition: int, limit: int
) -> list[tuple[str, str]]:
    """Return at most `limit` (wallet id, payment id) of holds whose time is over, oldest first."""
    rows = await connection.fetch(EXPIRED, partition, limit)
    return [(row["wallet_id"], row["payment_id"]) for row in rows]


async def raise_epoch(connection: Connection, partition: int) -> tuple[int, int]:
    """Become the writer: return (epoch, last position). Waits for an append in flight."""
    row = await connection.fetchrow(RAISE_EPOCH, partition)
    assert row is not None
    return row["epoch"], row["position"]


async def epochs(connection: Connection, partitions: Sequence[int]) -> dict[int, int]:
    """Return partition -> the epoch of the one who may write it now."""
    rows = await connection.fetch(EPOCHS, partitions)
    return {row["partition"]: row["epoch"] for row in rows}


async def is_whole(connection: Connection, partition: int) -> bool:
    """Tell whether the views of a partition hold all that its log says, after a rebuild too."""
    return bool(await connection.fetchval(IS_WHOLE, partition))


async def append_group(
    connection: Connection, partition: int, epoch: int, position: int, decision: Decision
) -> None:
    """Write a group in one statement, which is one commit; `position` is the last one before it.

    What was settled is in `decision.appended` then.

    Raises asyncpg.PostgresError: sqlstate log.FENCED or log.OTHER_POSITION if another writer took
    over, class 23 if a key or a version exists already or a balance would be negative.
    """
    row = await connection.fetchrow(
        APPEND_GROUP,
        *log.append_arguments(
            partition,
            decision.events,
            decision.outcomes,
            epoch=epoch,
            first_position=position + 1,
        ),
        *wallet_columns(decision.wallets.items()),
        records_of(decision.wallets, decision.touched),
    )
    assert row is not None
    decision.appended = log.Appended(row["first_position"], row["recorded_at"])


async def append_groups(connection: Connection, groups: Sequence[Group]) -> None:
    """Write the groups of several partitions, in ascending order, in one statement and one commit.

    None of them may move payments or reversals. What was settled is in `appended` of each decision
    then. Raises as `append_group` does, of any of them.
    """
    events = [event for group in groups for event in group.decision.events]
    outcomes = [outcome for group in groups for outcome in group.decision.outcomes]
    homes = [group.partition for group in groups for _ in group.decision.wallets]
    wallets = [changed for group in groups for changed in group.decision.wallets.items()]
    times = await connection.fetchval(
        APPEND_GROUPS,
        [group.partition for group in groups],
        [group.epoch for group in groups],
        [group.position + 1 for group in groups],
        [len(group.decision.events) for group in groups],
        [log.root_of(group.decision.events) for group in groups],
        *log.outcome_columns(outcomes),
        *log.event_columns(events),
        homes,
        *wallet_columns(wallets),
    )
    for group, recorded_at in zip(groups, times, strict=True):
        group.decision.appended = log.Appended(group.position + 1, recorded_at)


def wallet_columns(
    wallets: Iterable[tuple[str, Wallet]],
) -> tuple[list[str], list[int], list[str], list[str]]:
    """Return ids, versions, and the buckets as text of arrays: of issuers, and of rupiah.

    Issuers stand in quotes, in which store ids have none: without them `null` would be no store.
    """
    ids: list[str] = []
    versions: list[int] = []
    issuers: list[str] = []
    balances: list[str] = []
    for wallet_id, wallet in wallets:
        its_issuers, its_balances = buckets_row(wallet)
        ids.append(wallet_id)
        versions.append(wallet.version)
        issuers.append('{"' + '","'.join(its_issuers) + '"}' if its_issuers else "{}")
        balances.append("{" + ",".join(map(str, its_balances)) + "}")
    return ids, versions, issuers, balances


def records_of(wallets: Mapping[str, Wallet], touched: Collection[tuple[str, str]]) -> str | None:
    """Return the payments and reversals that a group touched (wallet id, id), None if it did not.

    JSON: {"payments": rows, "reversals": rows}.
    """
    if not touched:
        return None
    payments: list[dict[str, str]] = []
    reversals: list[dict[str, str]] = []
    for wallet_id, record_id in sorted(touched):
        wallet = wallets[wallet_id]
        payment = wallet.payments.get(record_id)
        if payment is not None:
            payments.append(payment_row(wallet_id, payment))
        reversal = wallet.reversals.get(record_id)
        if reversal is not None:
            reversals.append(reversal_row(wallet_id, reversal))
    return json.dumps({"payments": payments, "reversals": reversals})
