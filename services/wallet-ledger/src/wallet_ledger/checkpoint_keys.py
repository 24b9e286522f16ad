"""Replacing the key that signs checkpoints: the old one says which follows it, and is forgotten."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg

from events import log
from events.contracts.checkpoint import CheckpointKeyIntroduced
from events.envelope import timestamp
from events.log import Connection
from wallet_ledger import checkpoint_log
from wallet_ledger.signing import NoKey, SigningKey, new_key, read_keys, write_keys

TRIES = 20
WAIT_SECONDS = 10.0
"""So long a rotation waits for another one, which takes a moment unless it is stuck."""

LOCK = "SELECT pg_advisory_lock(hashtext('kembalian checkpoint keys'))"


class Rotating(Exception):
    """Another rotation came between: this one has changed nothing, or ends half-way and safe."""


async def listed(dsn: str) -> list[CheckpointKeyIntroduced]:
    """Return all keys, oldest first; the last one signs."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await checkpoint_log.keys(connection)
    finally:
        await connection.close()


async def rotate(dsn: str, key_file: Path) -> CheckpointKeyIntroduced:
    """Make a new key sign from the next checkpoint on; safe while the service runs.

    The file holds both keys until the log knows the new one: a rotation that was killed is finished
    by the next one. Of two at the same time the second waits, and then follows the first with a key
    of its own. Raises NoKey if the file does not hold the key that signs now, Rotating if another
    one goes on for WAIT_SECONDS.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await _alone(connection)
        introduced = await checkpoint_log.keys(connection)
        current, successor = _pair(key_file, introduced)
        await _write(connection, key_file, [current, successor])
        made = await _introduce(connection, current, successor, len(introduced) + 1)
        await _write(connection, key_file, [successor])
        return made
    finally:
        await connection.close()


async def _alone(connection: Connection) -> None:
    """Let no other rotation begin before this connection ends. Raises Rotating."""
    try:
        await connection.execute(LOCK, timeout=WAIT_SECONDS)
    except TimeoutError:
        raise Rotating(
            f"another rotation has been going on for {WAIT_SECONDS:.0f} s: nothing was changed; "
            "see what it did with `kembalian checkpoint-key list`, then try again"
        ) from None


async def _write(connection: Connection, key_file: Path, keys: Sequence[SigningKey]) -> None:
    """Write the file, if the newest key of the log is in it: no other may sign. Raises Rotating.

    To ask on the connection that holds the lock tells, too, that the lock is still held.
    """
    introduced = await checkpoint_log.keys(connection)
    signs = introduced[-1].key_id
    if signs not in {key.key_id for key in keys}:
        raise Rotating(f"the key {signs} was introduced meanwhile: {key_file} was left as it is")
    write_keys(key_file, keys)


def _pair(
    key_file: Path, introduced: Sequence[CheckpointKeyIntroduced]
) -> tuple[SigningKey, SigningKey]:
    """Return the key that signs and its successor, which a killed rotation may have left."""
    if not introduced:
        raise NoKey("no key has signed anything yet: start wallet-ledger first")
    keys = read_keys(key_file)
    current = next((key for key in keys if key.key_id == introduced[-1].key_id), None)
    if current is None:
        raise NoKey(f"{key_file} does not hold the key {introduced[-1].key_id}")
    known = {key.key_id for key in introduced}
    unused = [key for key in keys if key.key_id not in known]
    return current, unused[-1] if unused else new_key()


async def _introduce(
    connection: Connection, current: SigningKey, successor: SigningKey, version: int
) -> CheckpointKeyIntroduced:
    """Append the introduction; again if a checkpoint came between. Raises asyncpg.PostgresError."""
    for attempt in range(TRIES):
        epoch, position = await checkpoint_log.counter(connection)
        last = await checkpoint_log.newest(connection)
        at = timestamp(await connection.fetchval("SELECT clock_timestamp()"))
        first = last.n + 1 if last else 1
        statement = current.introduces(successor, first_checkpoint=first, at=at)
        try:
            await checkpoint_log.append(
                connection, [(statement, version)], epoch=epoch, position=position
            )
        except asyncpg.PostgresError as error:
            passing = getattr(error, "sqlstate", None) in (log.FENCED, log.OTHER_POSITION)
            if not passing or attempt + 1 == TRIES:
                raise
        else:
            return statement
    raise AssertionError("unreachable: the last try returns or raises")
