"""The first answer to every command, kept for ever in the transaction that decided it."""

from typing import TYPE_CHECKING, NamedTuple

import asyncpg

if TYPE_CHECKING:
    from events.log import Connection

WAIT_SECONDS = 5
"""How long a repeat waits for the first one that is still in flight."""

LOCK_TIMEOUT = f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1 || E'\\n' || $2, 0))"

FIND = "SELECT caller, key, fingerprint, status, answer FROM log.outcome WHERE caller=$1 AND key=$2"

FIND_ALL = """
SELECT o.caller, o.key, o.fingerprint, o.status, o.answer
FROM unnest($1::text[], $2::text[]) AS k (caller, key) JOIN log.outcome o USING (caller, key)
"""


class RequestInFlight(Exception):
    """The first request with this key has not been answered within WAIT_SECONDS."""


class KeyReused(Exception):
    """This caller has used the key for another body or path."""


class Outcome(NamedTuple):  # made for every command, so it must be cheap
    """An answer that is kept: HTTP `status` and the exact bytes, under (caller, key)."""

    caller: str
    key: str
    fingerprint: bytes
    status: int
    answer: bytes


async def earlier(
    connection: "Connection", caller: str, key: str, fingerprint: bytes
) -> Outcome | None:
    """Return the kept outcome of (caller, key), None for a new key, which is then ours to decide.

    Takes an advisory lock until the end of the caller's transaction, so that of equal requests one
    decides and the others find its outcome. Raises RequestInFlight, KeyReused.
    """
    await connection.execute(LOCK_TIMEOUT)
    try:
        await connection.execute(LOCK, caller, key)
    except asyncpg.LockNotAvailableError as error:
        raise RequestInFlight(key) from error
    await connection.execute("SET LOCAL lock_timeout = 0")
    row = await connection.fetchrow(FIND, caller, key)
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        raise KeyReused(key)
    return Outcome(*row.values())


async def find_all(
    connection: "Connection", keys: list[tuple[str, str]]
) -> dict[tuple[str, str], Outcome]:
    """Return the kept outcomes among `keys` (caller, key); one statement for a whole group."""
    rows = await connection.fetch(FIND_ALL, [c for c, _ in keys], [k for _, k in keys])
    return {(row["caller"], row["key"]): Outcome(*row.values()) for row in rows}
