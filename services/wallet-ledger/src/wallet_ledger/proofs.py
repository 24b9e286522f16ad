"""Proofs that an event is in what was signed, and that one checkpoint goes on from another.

They hold hashes only: of other people's events nothing can be read from them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events import tree
from events.contracts.checkpoint import CheckpointSigned
from events.log import Connection
from events.merkle import microseconds
from wallet_ledger import checkpoint_log, trees
from wallet_ledger.checkpoints import head_of, shown

EVENT = """
SELECT partition, position, stream, type, recorded_at, body FROM log.event
WHERE event_id = $1 AND partition < 1000
"""

# Of the neighbours in a commit only the hashes leave the database.
LEAVES = """
SELECT sha256('\\x00'::bytea || body) AS leaf FROM log.event
WHERE partition = $1 AND position >= $2 AND position < $3 ORDER BY position
"""


class NotCheckpointed(Exception):
    """The event came after what the checkpoint signed."""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event of a wallet (`stream`) with its exact bytes and its place."""

    partition: int
    position: int
    stream: str
    type: str
    recorded_at: datetime
    body: bytes


async def find(connection: Connection, event_id: UUID) -> FoundEvent | None:
    """Return an event of the ledger by its id, None if there is none."""
    row = await connection.fetchrow(EVENT, event_id)
    return None if row is None else FoundEvent(*row.values())


async def inclusion(
    connection: Connection, event_id: UUID, event: FoundEvent, checkpoint: CheckpointSigned | None
) -> dict[str, Any]:
    """Return the proof that an event is in what `checkpoint` signed, as the API shows it.

    The path leads from the event to the root of its commit (`group`), from there through the link
    that the commit added, and from the link to the root that was signed (`tree`). Raises
    NotCheckpointed, TreeIncomplete.
    """
    head = head_of(checkpoint, event.partition)
    if checkpoint is None or head is None or event.position > head.position:
        raise NotCheckpointed(str(event_id))
    where = (event.partition, event.position)
    number, previous, link = await trees.found_at(connection, *where)
    index = event.position - link.first_position
    ranges = tree.inclusion(number, head.links)
    path = await trees.hashes(connection, event.partition, ranges, head.position)
    return {
        "event_id": str(event_id),
        "partition": event.partition,
        "group": {
            "first_position": link.first_position,
            "count": link.count,
            "recorded_at": microseconds(link.recorded_at),
            "previous": previous.hex(),
            "index": index,
            "path": await _group_path(connection, event.partition, link, index),
        },
        "tree": {"index": number, "path": [each.hex() for each in path]},
        "checkpoint": shown(checkpoint),
        "keys": [shown(key) for key in await checkpoint_log.keys(connection)],
    }


async def consistency(
    connection: Connection, old: CheckpointSigned, new: CheckpointSigned
) -> dict[str, Any]:
    """Return the proof that `new` goes on from `old`, as the API shows it.

    Raises TreeIncomplete.
    """
    partitions: list[dict[str, Any]] = []
    for head in new.heads:
        before = head_of(old, head.partition)
        ranges = tree.consistency(before.links if before else 0, head.links)
        path = await trees.hashes(connection, head.partition, ranges, head.position)
        partitions.append({"partition": head.partition, "path": [each.hex() for each in path]})
    return {
        "from": shown(old),
        "to": shown(new),
        "partitions": partitions,
        "keys": [shown(key) for key in await checkpoint_log.keys(connection)],
    }


async def _group_path(
    connection: Connection, partition: int, link: trees.Link, index: int
) -> list[str]:
    rows = await connection.fetch(LEAVES, partition, link.first_position, link.next_position)
    known: dict[tree.Subtree, bytes] = {}
    growing = tree.Growing()
    for row in rows:
        known.update(growing.add(row["leaf"]))
    ranges = tree.inclusion(index, link.count)
    return [tree.hash_of(each, known.__getitem__).hex() for each in ranges]
