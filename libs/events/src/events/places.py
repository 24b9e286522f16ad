"""How far a consumer has handled each topic partition, committed together with the effects."""

from collections.abc import Iterable
from dataclasses import dataclass

from events.failures import Fenced
from events.log import Connection
from events.topics import Topic

__all__ = ["ConsumerPlace", "Fenced", "load", "lock", "make", "move", "rewind", "stop"]

MAKE = """
INSERT INTO view.place (topic, partition) SELECT $1, generate_series(0, $2::int - 1)
ON CONFLICT DO NOTHING
"""

LOAD = """
SELECT topic, partition, position, kafka_offset, rebuild_until, stopped
FROM view.place ORDER BY topic, partition
"""

LOCK = """
SELECT position FROM view.place WHERE topic = $1 AND partition = $2 FOR UPDATE
"""

MOVE = """
UPDATE view.place SET position = $4, kafka_offset = $5, stopped = NULL
WHERE topic = $1 AND partition = $2 AND position = $3
"""

STOP = "UPDATE view.place SET stopped = $3 WHERE topic = $1 AND partition = $2"

REWIND = """
UPDATE view.place
SET rebuild_until = greatest(rebuild_until, position), position = 0, kafka_offset = 0,
    stopped = NULL
"""

FORGET_LETTERS = "DELETE FROM log.dead_letter WHERE state <> 'discarded'"


@dataclass(frozen=True, slots=True)
class ConsumerPlace:
    """One row of view.place. `kafka_offset` is a hint only; `position` is what counts."""

    topic: str
    partition: int
    position: int
    kafka_offset: int
    rebuild_until: int
    stopped: str | None

    @property
    def rebuilding(self) -> bool:
        """True while a rebuild has not yet come back to where the view was."""
        return self.position < self.rebuild_until


async def make(connection: Connection, topics: Iterable[Topic]) -> None:
    """Make the rows of `topics` that are missing, at position 0."""
    for topic in topics:
        await connection.execute(MAKE, topic.name, topic.partitions)


async def load(connection: Connection) -> list[ConsumerPlace]:
    """Return all places, by topic and partition."""
    return [ConsumerPlace(*row.values()) for row in await connection.fetch(LOAD)]


async def lock(connection: Connection, topic: str, partition: int) -> int:
    """Lock one place until the transaction ends and return its position. Raises Fenced."""
    position = await connection.fetchval(LOCK, topic, partition)
    if position is None:
        raise Fenced(f"{topic}/{partition} has no place")
    return position


async def move(
    connection: Connection, topic: str, partition: int, *, before: int, after: int, offset: int
) -> None:
    """Move a place from `before` to `after`. Raises Fenced if it is not at `before`."""
    done = await connection.execute(MOVE, topic, partition, before, after, offset)
    if done != "UPDATE 1":
        raise Fenced(f"{topic}/{partition} is no longer at {before}")


async def stop(connection: Connection, topic: str, partition: int, reason: str) -> None:
    """Write down why nothing more is taken from this partition."""
    await connection.execute(STOP, topic, partition, reason)


async def rewind(connection: Connection) -> None:
    """Set all places back to 0 for a rebuild; readers see `rebuilding` until they are back.

    Call it before deleting the views in the same transaction: the consumer takes its locks in
    that order. Letters that an operator discarded stay discarded; all others are met again.
    """
    await connection.execute(REWIND)
    await connection.execute(FORGET_LETTERS)
