"""The checkpoints as they stand in their own log, and the keys that signed them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from events import log
from events.contracts import name_of
from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned
from events.envelope import Cause, open_envelope, seal
from events.log import Connection, NewEvent
from events.topics import CHECKPOINTS
from wallet_ledger.checkpoints import KEY_STREAM, STREAM

PARTITION = CHECKPOINTS.first_partition

AFTER = """
SELECT body FROM log.event WHERE partition = $1 AND stream = $2 AND version > $3
ORDER BY version LIMIT $4
"""

NEWEST = """
SELECT body FROM log.event WHERE partition = $1 AND stream = $2 ORDER BY version DESC LIMIT 1
"""

COUNTER = "SELECT epoch, position FROM log.counter WHERE partition = $1"

KEYS_MAX = 1_000


async def newest(connection: Connection) -> CheckpointSigned | None:
    """Return the newest checkpoint, None if there is none yet."""
    body = await connection.fetchval(NEWEST, PARTITION, STREAM)
    return None if body is None else _checkpoint(body)


async def after(connection: Connection, n: int, limit: int) -> list[CheckpointSigned]:
    """Return at most `limit` checkpoints that follow number `n`, in order."""
    rows = await connection.fetch(AFTER, PARTITION, STREAM, n, limit)
    return [_checkpoint(row["body"]) for row in rows]


async def numbered(connection: Connection, n: int) -> CheckpointSigned | None:
    """Return checkpoint `n`, None if it has not been made."""
    found = await after(connection, n - 1, 1)
    return found[0] if found and found[0].n == n else None


async def keys(connection: Connection) -> list[CheckpointKeyIntroduced]:
    """Return all keys, in the order in which they were introduced: the last one signs."""
    found: list[CheckpointKeyIntroduced] = []
    for row in await connection.fetch(AFTER, PARTITION, KEY_STREAM, 0, KEYS_MAX):
        data = open_envelope(row["body"]).data
        assert isinstance(data, CheckpointKeyIntroduced)
        found.append(data)
    return found


async def counter(connection: Connection) -> tuple[int, int]:
    """Return (epoch of the one who signs, last position) of the log of checkpoints."""
    row = await connection.fetchrow(COUNTER, PARTITION)
    assert row is not None
    return row["epoch"], row["position"]


async def append(
    connection: Connection,
    statements: Sequence[tuple[CheckpointSigned | CheckpointKeyIntroduced, int]],
    *,
    epoch: int,
    position: int,
) -> None:
    """Append (statement, version in its stream) after `position`, at their own times.

    Raises asyncpg.PostgresError with sqlstate log.FENCED or log.OTHER_POSITION.
    """
    events = [_sealed(statement, version) for statement, version in statements]
    await log.append(connection, PARTITION, events, epoch=epoch, first_position=position + 1)


def _sealed(statement: CheckpointSigned | CheckpointKeyIntroduced, version: int) -> NewEvent:
    stream = STREAM if isinstance(statement, CheckpointSigned) else KEY_STREAM
    event_id = UUID(str(uuid7()))
    body = seal(
        statement,
        source="wallet-ledger",
        event_id=event_id,
        stream=stream,
        version=version,
        time=datetime.fromisoformat(statement.at),
        cause=Cause(str(event_id)),
    )
    return NewEvent(stream, version, name_of(statement), event_id, body)


def _checkpoint(body: bytes) -> CheckpointSigned:
    data = open_envelope(body).data
    assert isinstance(data, CheckpointSigned)
    return data
