"""Growing a partition's tree by the links that came, and only if they continue its chain."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from events import merkle
from events.contracts.checkpoint import Head
from events.log import Connection
from events.tree import Growing
from wallet_ledger import checkpoint_log, trees
from wallet_ledger.trees import BLOCK_LEVEL, Link, Node, TreeIncomplete

logger = logging.getLogger(__name__)

FORGET = "DELETE FROM view.tree_node WHERE partition = $1"


class HistoryChanged(Exception):
    """The log does not go on from what was signed: `kembalian verify` names the place."""


@dataclass(slots=True)
class Grown:
    """The tree of one partition up to `position`, the last link of which is `link`."""

    growing: Growing = field(default_factory=Growing)
    position: int = 0
    link: bytes = merkle.GENESIS

    def head(self, partition: int) -> Head:
        """Return what a checkpoint says of it."""
        return Head(
            partition=partition,
            position=self.position,
            links=self.growing.size,
            link=self.link.hex(),
            root=self.growing.root().hex(),
        )


async def grow(connection: Connection, partition: int, tree: Grown, until: int) -> None:
    """Add the links up to position `until`, and store the subtrees that they complete.

    Raises HistoryChanged at a link that does not continue the chain.
    """
    async for links in trees.links(connection, partition, tree.position, until):
        previous, position = tree.link, tree.position
        for link in links:
            if not link.follows(previous, position):
                where = f"partition {partition} from {link.first_position} on"
                raise HistoryChanged(f"{where} does not continue the chain")
            previous, position = link.link, link.next_position - 1
        await _add(connection, partition, tree, links)


async def _add(connection: Connection, partition: int, tree: Grown, links: Sequence[Link]) -> None:
    """Add links, and store the subtrees that they complete."""
    complete: list[Node] = []
    for link in links:
        for subtree, made in tree.growing.add(merkle.leaf(link.link)):
            if subtree[0] >= BLOCK_LEVEL:
                complete.append(Node(subtree, link.next_position, made))
        tree.link, tree.position = link.link, link.next_position - 1
    await trees.insert(connection, partition, complete)


async def grown_before(connection: Connection, head: Head) -> Grown:
    """Return the tree as the head of a checkpoint signed it; it is made anew if it was lost.

    Raises HistoryChanged if the log holds another history up to there.
    """
    signed = bytes.fromhex(head.root)
    try:
        growing = await trees.load(connection, head.partition, head.links, head.position)
    except (TreeIncomplete, ValueError):
        growing = Growing()
    if (growing.size, growing.root()) == (head.links, signed):
        return Grown(growing, head.position, bytes.fromhex(head.link))
    logger.info("partition %d: the tree is made anew", head.partition)
    anew = await _grown_anew(connection, head)
    if anew.head(head.partition) != head:
        raise HistoryChanged(f"partition {head.partition} up to {head.position} was changed")
    return anew


async def grown_again(connection: Connection) -> None:
    """Make all stored subtrees again, up to the newest checkpoint, whatever it signed."""
    newest = await checkpoint_log.newest(connection)
    for head in newest.heads if newest else ():
        await _grown_anew(connection, head)


async def _grown_anew(connection: Connection, head: Head) -> Grown:
    """Return the tree of the links up to where a head signed it; all is stored anew."""
    await connection.execute(FORGET, head.partition)
    anew = Grown()
    async for links in trees.links(connection, head.partition, 0, head.position):
        await _add(connection, head.partition, anew, links)
    return anew
