"""The event log's Python side: append to one partition, read it in order, know its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.merkle import root
from events.outcomes import Outcome
from events.place import Place

Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"

FENCED = "KB001"
OTHER_POSITION = "KB002"
IN_THE_FUTURE = "KB003"
EMPTY_ROOT = bytes(32)

APPEND = """
SELECT first_position, recorded_at
FROM log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

READ = """
SELECT partition, position, stream, version, type, event_id, recorded_at, body
FROM log.event WHERE partition = $1 AND position > $2 ORDER BY position LIMIT $3
"""

HEADS = """
SELECT partition, position FROM log.counter
WHERE partition >= $1 AND partition < $1 + 1000 ORDER BY partition
"""

PLACE_AT = "SELECT partition, position FROM log.place_at($1)"


class FutureMoment(ValueError):
    """A place was asked for at a moment that has not come yet by the database's clock."""


class NewEvent(NamedTuple):  # made for every event that is written, so it must be cheap
    """An event that is decided but not yet recorded; `body` is the sealed envelope."""

    stream: str
    version: int
    type: str
    event_id: UUID
    body: bytes


class RecordedEvent(NamedTuple):  # made for every event that is read, so it must be cheap
    """A fact as it stands in the log; `recorded_at` is UTC."""

    partition: int
    position: int
    stream: str
    version: int
    type: str
    event_id: UUID
    recorded_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append settled: the position of its first event and the time of all of them."""

    first_position: int
    recorded_at: datetime


def partition_of(stream: str, partitions: int) -> int:
    """Return the partition that a stream lives in, for ever: a stable hash of its id."""
    return int.from_bytes(sha256(stream.encode()).digest()[:8], "big") % partitions


def append_arguments(
    partition: int,
    events: Sequence[NewEvent],
    outcomes: Sequence[Outcome],
    *,
    epoch: int | None,
    first_position: int | None,
) -> tuple[object, ...]:
    """Return the 14 arguments of log.append, in its order: one array per column."""
    return (
        partition,
        epoch,
        first_position,
        *outcome_columns(outcomes),
        *event_columns(events),
        root_of(events),
    )


def outcome_columns(outcomes: Sequence[Outcome]) -> tuple[list[object], ...]:
    """Return the columns of log.outcome, one list each."""
    return (
        [o.caller for o in outcomes],
        [o.key for o in outcomes],
        [o.fingerprint for o in outcomes],
        [o.status for o in outcomes],
        [o.answer for o in outcomes],
    )


def event_columns(events: Sequence[NewEvent]) -> tuple[list[object], ...]:
    """Return the columns of log.event that a writer knows, one list each."""
    return (
        [e.stream for e in events],
        [e.version for e in events],
        [e.type for e in events],
        [e.event_id for e in events],
        [e.body for e in events],
    )


def root_of(events: Sequence[NewEvent]) -> bytes:
    """Return the Merkle root of the bodies of one append, EMPTY_ROOT of none."""
    return root([e.body for e in events]) if events else EMPTY_ROOT


async def append(
    connection: Connection,
    partition: int,
    events: Sequence[NewEvent],
    outcomes: Sequence[Outcome] = (),
    *,
    epoch: int | None = None,
    first_position: int | None = None,
) -> Appended:
    """Append to one partition inside the caller's transaction and return what was settled.

    Raises asyncpg.UniqueViolationError (a key or a stream version that exists already) and
    asyncpg.PostgresError with sqlstate FENCED or OTHER_POSITION.
    """
    arguments = append_arguments(
        partition, events, outcomes, epoch=epoch, first_position=first_position
    )
    [row] = await connection.fetch(APPEND, *arguments)
    return Appended(row["first_position"], row["recorded_at"])


async def read(
    connection: Connection, partition: int, after: int, limit: int = 1_000
) -> list[RecordedEvent]:
    """Return at most `limit` events of `partition` that follow position `after`, in order."""
    rows = await connection.fetch(READ, partition, after, limit)
    return list(map(RecordedEvent._make, rows))


async def heads(connection: Connection, first_partition: int = 0) -> Place:
    """Return the place of the log now: the last position of every partition.

    `first_partition` is that of a log beside the service's first one (Topic.first_partition).
    """
    rows = await connection.fetch(HEADS, first_partition)
    return Place.of((row["partition"], row["position"]) for row in rows)


async def place_at(connection: Connection, moment: datetime) -> Place:
    """Return the log's place at `moment` (inclusive): the same answer whenever it is asked.

    Raises FutureMoment.
    """
    try:
        rows = await connection.fetch(PLACE_AT, moment)
    except asyncpg.PostgresError as error:
        if getattr(error, "sqlstate", None) == IN_THE_FUTURE:
            raise FutureMoment(str(moment)) from error
        raise
    return Place.of((row["partition"], row["position"]) for row in rows)
