"""The tree over each partition's links: read, grown, and looked up for proofs.

Stored are perfect subtrees from BLOCK links on; smaller ones are made from the links themselves.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from events import merkle, tree
from events.log import Connection
from events.tree import Growing, Range, Subtree

BLOCK_LEVEL = 6
BLOCK = 1 << BLOCK_LEVEL
READ_LINKS = 2_000

LINKS = """
SELECT first_position, count, recorded_at, root, link FROM log.link
WHERE partition = $1 AND first_position > $2 AND first_position <= $3
ORDER BY first_position LIMIT $4
"""

NODES = """
SELECT n.level, n.index, n.next_position, n.hash
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, index)
JOIN view.tree_node n ON n.partition = $1 AND n.level = w.level AND n.index = w.index
"""

INSERT = """
INSERT INTO view.tree_node (partition, level, index, next_position, hash)
SELECT $1, n.* FROM unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[])
    AS n (level, index, next_position, hash)
ON CONFLICT (partition, level, index) DO UPDATE
SET next_position = excluded.next_position, hash = excluded.hash
"""

# The last whole block that ends before an event, so that its link can be counted from there.
BLOCK_BEFORE = """
SELECT index, next_position FROM view.tree_node
WHERE partition = $1 AND level = 6 AND next_position <= $2 ORDER BY next_position DESC LIMIT 1
"""

LINK_BEFORE = """
SELECT link FROM log.link WHERE partition = $1 AND first_position < $2
ORDER BY first_position DESC LIMIT 1
"""


class TreeIncomplete(Exception):
    """Stored subtrees are missing: they are being made again."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a partition's chain: the events of one commit, the first at `first_position`."""

    first_position: int
    count: int
    recorded_at: datetime
    root: bytes
    link: bytes

    @property
    def next_position(self) -> int:
        """Return the position of the first event after it."""
        return self.first_position + self.count

    def follows(self, previous: bytes, position: int) -> bool:
        """Tell whether it continues a chain that ends in the link `previous` at `position`."""
        made = merkle.link(previous, self.first_position, self.count, self.recorded_at, self.root)
        return self.first_position == position + 1 and made == self.link


@dataclass(frozen=True, slots=True)
class Node:
    """A stored subtree; `next_position` is that of the first event after it."""

    subtree: Subtree
    next_position: int
    hash: bytes


async def links(
    connection: Connection, partition: int, after: int, until: int
) -> AsyncIterator[list[Link]]:
    """Yield the links whose first event lies after `after`, up to `until`, in batches."""
    while rows := await connection.fetch(LINKS, partition, after, until, READ_LINKS):
        yield [Link(*row.values()) for row in rows]
        after = rows[-1]["first_position"]


async def insert(connection: Connection, partition: int, nodes: Sequence[Node]) -> None:
    """Store subtrees."""
    if nodes:
        await connection.execute(
            INSERT,
            partition,
            [node.subtree[0] for node in nodes],
            [node.subtree[1] for node in nodes],
            [node.next_position for node in nodes],
            [node.hash for node in nodes],
        )


async def stored(
    connection: Connection, partition: int, wanted: Iterable[Subtree]
) -> dict[Subtree, Node]:
    """Return the stored ones among these subtrees. Raises TreeIncomplete if one is missing."""
    large = [subtree for subtree in set(wanted) if subtree[0] >= BLOCK_LEVEL]
    rows = await connection.fetch(NODES, partition, [s[0] for s in large], [s[1] for s in large])
    found = {
        (row["level"], row["index"]): Node(
            (row["level"], row["index"]), row["next_position"], row["hash"]
        )
        for row in rows
    }
    if len(found) != len(large):
        raise TreeIncomplete(f"partition {partition}: {len(large) - len(found)} subtrees")
    return found


async def block(connection: Connection, partition: int, number: int, until: int) -> list[Link]:
    """Return the links of block `number` (64 at most) up to position `until`."""
    after = 0
    if number:
        before = (BLOCK_LEVEL, number - 1)
        after = (await stored(connection, partition, [before]))[before].next_position - 1
    rows = await connection.fetch(LINKS, partition, after, until, BLOCK)
    return [Link(*row.values()) for row in rows]


async def load(connection: Connection, partition: int, size: int, until: int) -> Growing:
    """Return the tree of the first `size` links, the last of which ends at position `until`.

    Raises TreeIncomplete.
    """
    peaks = tree.subtrees((0, size - size % BLOCK))
    found = await stored(connection, partition, peaks)
    growing = Growing(size - size % BLOCK, [found[peak].hash for peak in peaks])
    if size % BLOCK:
        for link in await block(connection, partition, size // BLOCK, until):
            growing.add(merkle.leaf(link.link))
    return growing


async def hashes(
    connection: Connection, partition: int, ranges: Sequence[Range], until: int
) -> list[bytes]:
    """Return the roots of ranges of the tree that ends at position `until`.

    Raises TreeIncomplete.
    """
    wanted = {subtree for each in ranges for subtree in tree.subtrees(each)}
    known = {s: node.hash for s, node in (await stored(connection, partition, wanted)).items()}
    numbers = {index >> (BLOCK_LEVEL - level) for level, index in wanted if level < BLOCK_LEVEL}
    for number in numbers:
        growing = Growing()
        for link in await block(connection, partition, number, until):
            for (level, index), made in growing.add(merkle.leaf(link.link)):
                known[level, index + (number << (BLOCK_LEVEL - level))] = made
    return [tree.hash_of(each, known.__getitem__) for each in ranges]


async def found_at(
    connection: Connection, partition: int, position: int
) -> tuple[int, bytes, Link]:
    """Return (number of the link that holds an event, the link before it, the link itself).

    Raises TreeIncomplete.
    """
    row = await connection.fetchrow(BLOCK_BEFORE, partition, position)
    number = row["index"] + 1 if row else 0
    inside = await block(connection, partition, number, position)
    if not inside or inside[-1].next_position <= position:
        raise TreeIncomplete(f"partition {partition}: no link of position {position}")
    found = inside[-1]
    previous = await connection.fetchval(LINK_BEFORE, partition, found.first_position)
    return number * BLOCK + len(inside) - 1, previous or merkle.GENESIS, found
