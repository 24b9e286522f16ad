"""How far a consumer has handled each topic partition, committed together with the effects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.failures import Fenced
from events.log import Connection
from events.topics import Topic

__all__ = [
    "ConsumerPlace",
    "Fenced",
    "Moved",
    "load",
    "lock",
    "lock_all",
    "make",
    "move",
    "move_all",
    "rewind",
    "stop",
]

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

LOCK_ALL = """
SELECT topic, partition, position FROM view.place
WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::smallint[]))
ORDER BY topic, partition FOR UPDATE
"""

MOVE_ALL = """
UPDATE view.place AS p SET position = m.after, kafka_offset = m.kafka_offset, stopped = NULL
FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS m (topic, partition, before, after, kafka_offset)
WHERE p.topic = m.topic AND p.partition = m.partition AND p.position = m.before
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


class Moved(NamedTuple):
    """A place on its way from `before` to `after`; `offset` is where Kafka goes on."""

    topic: str
    partition: int
    before: int
    after: int
    offset: int


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


async def lock_all(connection: Connection, moves: Sequence[Moved]) -> None:
    """Lock places that are to be moved. Raises Fenced if one is not where the move begins."""
    topics, partitions, *_ = zip(*moves, strict=True)
    rows = await connection.fetch(LOCK_ALL, topics, partitions)
    if {tuple(row) for row in rows} != {move[:3] for move in moves}:
        raise Fenced(f"one of {len(moves)} places is no longer where it was")


async def move_all(connection: Connection, moves: Sequence[Moved]) -> None:
    """Move places that are locked. Raises Fenced if one of them is not where it should be."""
    done = await connection.execute(MOVE_ALL, *zip(*moves, strict=True))
    if done != f"UPDATE {len(moves)}":
        raise Fenced(f"one of {len(moves)} places is no longer where it was")


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
