"""Are a partition's links what checkpoints signed, and its stored subtrees those of the links?"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from events import merkle
from events.contracts.checkpoint import Head
from events.finding import DENSE, Finding
from events.log import Connection
from events.tree import Subtree
from wallet_ledger import trees
from wallet_ledger.audit import SERVICE
from wallet_ledger.growth import Grown
from wallet_ledger.trees import BLOCK_LEVEL

NODES = """
SELECT level, index, next_position, hash FROM view.tree_node WHERE partition = $1
"""


@dataclass(frozen=True, slots=True)
class Rung:
    """What one checkpoint signed of one partition."""

    named: str
    head: Head


async def check_tree(
    connection: Connection, partition: int, rungs: Sequence[Rung]
) -> AsyncGenerator[Finding]:
    """Yield where the links are not what was signed: the first place, and no other after it.

    The links are read once, in order; at every size that was signed the tree must have the root
    that was signed. So the place lies between the last checkpoint that holds and the first that
    does not.
    """
    stored = await _stored(connection, partition)
    waiting = sorted(rungs, key=lambda rung: rung.head.links)
    tree, held, wrong = Grown(), 0, 0
    end = max((rung.head.position for rung in rungs), default=0)
    async for links in trees.links(connection, partition, 0, end):
        for link in links:
            while waiting and waiting[0].head.links == tree.growing.size:
                rung = waiting.pop(0)
                if tree.head(partition) != rung.head:
                    yield _changed(partition, held, rung)
                    return
                held = rung.head.position
            for subtree, made in tree.growing.add(merkle.leaf(link.link)):
                due = (link.next_position, made)
                if subtree[0] >= BLOCK_LEVEL and stored.pop(subtree, None) != due:
                    wrong = wrong or link.first_position
            tree.link, tree.position = link.link, link.next_position - 1
    for rung in waiting:
        if tree.head(partition) != rung.head:
            yield _changed(partition, held, rung)
            return
        held = rung.head.position
    if wrong or stored:
        detail = "view.tree_node: a subtree is not that of the links"
        yield Finding(7, SERVICE, partition, wrong or None, None, detail)


async def _stored(connection: Connection, partition: int) -> dict[Subtree, tuple[int, bytes]]:
    return {
        (row["level"], row["index"]): (row["next_position"], row["hash"])
        for row in await connection.fetch(NODES, partition)
    }


def _changed(partition: int, held: int, rung: Rung) -> Finding:
    """Return the finding at the first place that no checkpoint which holds covers."""
    detail = f"positions {held + 1} to {rung.head.position} are not what {rung.named} signed"
    return Finding(DENSE, SERVICE, partition, held + 1, None, f"{detail}: changed or cut")
