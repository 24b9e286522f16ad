"""Keys where no unique key holds over all partitions, on Citus: claimed before the append.

Its tables are distributed by partition, so an outcome's key is unique in its partition alone.
log.claim, distributed by key, says which command a key belongs to, for ever. It is written by a
commit of its own: whoever dies between claim and append leaves a claim without an outcome, under
which the same command goes on when it is repeated, and any other is refused. The table is there
only after deploy/citus/distribute.sql: plain PostgreSQL is asked for it once per epoch.
"""

from collections.abc import Iterable, Mapping, Sequence

from events.log import Connection
from events.outcomes import Outcome
from wallet_ledger.group import Order, Slot

KEPT_HERE = "SELECT to_regclass('log.claim') IS NOT NULL"

# Of VALUES Citus sends each row to its shard; of unnest() it would make a query of many steps.
CLAIM = """
INSERT INTO log.claim (caller, key, fingerprint, partition) VALUES {rows}
ON CONFLICT (key, caller) DO NOTHING RETURNING 1
"""

FIND = """
SELECT caller, key, fingerprint, partition FROM log.claim
WHERE key = ANY ($1::text[]) AND caller = ANY ($2::text[])
"""

ROWS_MAX = 1_024
"""Rows of one statement; PostgreSQL takes 65,535 parameters, four of them for each."""


class KeyClaimed(Exception):
    """A key of this group belongs to another command."""


async def kept_here(connection: Connection) -> bool:
    """Tell whether keys must be claimed in this database."""
    return await connection.fetchval(KEPT_HERE)


async def claim(connection: Connection, partition: int, outcomes: Sequence[Outcome]) -> None:
    """Claim the keys of `outcomes` for their commands. Raises KeyClaimed.

    One round trip more than plain PostgreSQL takes for a group, however many keys it has.
    """
    for begin in range(0, len(outcomes), ROWS_MAX):
        chunk = outcomes[begin : begin + ROWS_MAX]
        rows = [(o.caller, o.key, o.fingerprint, partition) for o in chunk]
        # As few statements as there are powers of two: a row that is there twice does no harm.
        padded = rows + rows[-1:] * ((1 << (len(rows) - 1).bit_length()) - len(rows))
        arguments = [value for row in padded for value in row]
        made = await connection.fetch(_statement(len(padded)), *arguments)
        if len(made) < len(rows):
            await _compare(connection, partition, chunk)


async def claimed_otherwise(
    connection: Connection, partition: int, orders: Iterable[Order]
) -> dict[Slot, Outcome]:
    """Return, as outcomes of no command of these, the keys that belong to commands of others."""
    mine: dict[Slot, set[bytes]] = {}
    for order in orders:
        mine.setdefault(order.slot, set()).add(order.fingerprint)
    found = await _find(connection, list(mine))
    return {
        slot: Outcome(*slot, b"", 0, b"")
        for slot, (fingerprint, owner) in found.items()
        if owner != partition or fingerprint not in mine[slot]
    }


async def _compare(connection: Connection, partition: int, outcomes: Sequence[Outcome]) -> None:
    found = await _find(connection, [(o.caller, o.key) for o in outcomes])
    for outcome in outcomes:
        if found[outcome.caller, outcome.key] != (outcome.fingerprint, partition):
            raise KeyClaimed(outcome.key)


async def _find(connection: Connection, slots: Sequence[Slot]) -> Mapping[Slot, tuple[bytes, int]]:
    """Return (fingerprint, partition) of the claims on `slots`."""
    callers, keys = {caller for caller, _ in slots}, {key for _, key in slots}
    rows = await connection.fetch(FIND, list(keys), list(callers))
    found = {(r["caller"], r["key"]): (r["fingerprint"], r["partition"]) for r in rows}
    return {slot: found[slot] for slot in slots if slot in found}


def _statement(rows: int) -> str:
    numbered = (f"(${n + 1}, ${n + 2}, ${n + 3}, ${n + 4})" for n in range(0, 4 * rows, 4))
    return CLAIM.format(rows=", ".join(numbered))
