"""Messages that could not be handled: kept, with what follows for their stream, for an operator.

A letter is `dead` (its handling failed), `parked` (it waits behind a dead one of its stream) or
`discarded` (an operator decided to leave it out, for ever, also in a rebuild).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events import places
from events.envelope import open_envelope
from events.failures import NOT_THE_MESSAGE
from events.log import Connection
from events.received import Project, Received, storable

__all__ = ["Letter", "NoSuchLetter", "NotTheFirst", "Project", "Received"]

REASON_MAX = 500

WAITING_STREAMS = """
SELECT DISTINCT stream FROM log.dead_letter
WHERE topic = $1 AND partition = $2 AND state <> 'discarded'
"""

DISCARDED = """
SELECT position FROM log.dead_letter
WHERE topic = $1 AND partition = $2 AND state = 'discarded' AND position > $3
"""

KEEP = """
INSERT INTO log.dead_letter
    (topic, partition, position, kafka_offset, recorded_at, stream, state, reason, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (topic, partition, position) DO NOTHING
"""

COLUMNS = """
SELECT id, topic, partition, position, kafka_offset, recorded_at, stream, state, reason, body,
    seen_at
FROM log.dead_letter
"""
LIST = COLUMNS + "ORDER BY topic, partition, position NULLS LAST, id"
SHOW = COLUMNS + "WHERE id = $1"
OF_STREAM = (
    COLUMNS + "WHERE topic = $1 AND partition = $2 AND stream = $3 AND state <> 'discarded' "
    "ORDER BY position NULLS LAST, id FOR UPDATE"
)
FORGET = "DELETE FROM log.dead_letter WHERE id = $1"
DISCARD = "UPDATE log.dead_letter SET state = 'discarded' WHERE id = $1"
DIE = "UPDATE log.dead_letter SET state = 'dead', reason = $2 WHERE id = $1"


class NoSuchLetter(LookupError):
    """There is no dead letter with this id, or it is discarded already."""


class NotTheFirst(ValueError):
    """A parked letter waits behind an earlier one of its stream, which comes first."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of log.dead_letter; `position` is None where the message had none to read."""

    id: int
    topic: str
    partition: int
    position: int | None
    kafka_offset: int
    recorded_at: datetime | None
    stream: str
    state: str
    reason: str
    body: bytes
    seen_at: datetime

    def opened(self) -> Received:
        """Return the event in the letter. Raises MalformedEvent, UnknownEventType."""
        envelope = open_envelope(self.body)
        if self.position is None or self.recorded_at is None:
            raise NoSuchLetter("a message without a position cannot be handled: discard it")
        return Received(self.topic, self.partition, self.position, self.recorded_at, envelope)


async def waiting_streams(connection: Connection, topic: str, partition: int) -> set[str]:
    """Return the streams that have a dead letter; what follows for them must be parked."""
    rows = await connection.fetch(WAITING_STREAMS, topic, partition)
    return {row["stream"] for row in rows}


async def discarded(connection: Connection, topic: str, partition: int, after: int) -> set[int]:
    """Return the positions after `after` that an operator left out."""
    rows = await connection.fetch(DISCARDED, topic, partition, after)
    return {row["position"] for row in rows}


async def keep(
    connection: Connection,
    *,
    topic: str,
    partition: int,
    position: int | None,
    offset: int,
    recorded_at: datetime | None,
    stream: str,
    state: str,
    reason: str,
    body: bytes,
) -> None:
    """Keep a message that cannot be handled now."""
    await connection.execute(
        KEEP,
        topic,
        partition,
        position,
        offset,
        recorded_at,
        stream,
        state,
        storable(reason[:REASON_MAX]),
        body,
    )


async def list_all(connection: Connection) -> list[Letter]:
    """Return all letters, by topic, partition and position."""
    return [Letter(*row.values()) for row in await connection.fetch(LIST)]


async def show(connection: Connection, letter_id: int) -> Letter:
    """Return one letter. Raises NoSuchLetter."""
    row = await connection.fetchrow(SHOW, letter_id)
    if row is None:
        raise NoSuchLetter(f"no dead letter {letter_id}")
    return Letter(*row.values())


async def _locked_queue(connection: Connection, letter_id: int) -> list[Letter]:
    """Return the letters of a stream, the dead one first, its partition's consumer locked out."""
    letter = await show(connection, letter_id)
    if letter.state == "discarded":
        raise NoSuchLetter(f"dead letter {letter_id} is discarded")
    await places.lock(connection, letter.topic, letter.partition)
    rows = await connection.fetch(OF_STREAM, letter.topic, letter.partition, letter.stream)
    queue = [Letter(*row.values()) for row in rows]
    if not queue or queue[0].id != letter_id:
        first = queue[0].id if queue else "gone"
        raise NotTheFirst(f"letter {letter_id} waits behind letter {first}")
    return queue


async def retry(connection: Connection, letter_id: int, project: Project) -> int:
    """Handle a dead letter and what waits behind it; return how many were handled.

    If it fails again nothing changes and its error is raised. If one behind it fails, that one
    becomes the dead one and what is behind it goes on waiting.
    """
    async with connection.transaction():
        dead, *behind = await _locked_queue(connection, letter_id)
        await project(connection, [dead.opened()])
        await connection.execute(FORGET, dead.id)
        return 1 + await _drain(connection, behind, project)


async def discard(connection: Connection, letter_id: int, project: Project) -> int:
    """Leave a dead letter out for ever and handle what waits behind it; return how many were.

    If one of those fails, it becomes the dead one and what is behind it goes on waiting.
    """
    async with connection.transaction():
        dead, *behind = await _locked_queue(connection, letter_id)
        await connection.execute(DISCARD, dead.id)
        return await _drain(connection, behind, project)


async def _drain(connection: Connection, parked: Sequence[Letter], project: Project) -> int:
    """Handle parked letters in order up to one that fails; return how many were handled."""
    for handled, letter in enumerate(parked):
        try:
            async with connection.transaction():
                await project(connection, [letter.opened()])
        except NOT_THE_MESSAGE:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails is said in the letter
            await connection.execute(DIE, letter.id, storable(repr(error)[:REASON_MAX]))
            return handled
        await connection.execute(FORGET, letter.id)
    return len(parked)
