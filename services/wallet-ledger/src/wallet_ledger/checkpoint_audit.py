"""Is history what was signed? Every checkpoint against the log, and one that an outsider kept.

The links are read once, in order; at every size that a checkpoint signed the tree must have the
root that it signed. So a history that was rewritten and chained again, or cut, is found between
the last checkpoint that still holds and the first that does not.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from events import merkle
from events.audit import DENSE, Finding, audit_partition
from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned, Head
from events.log import Connection
from wallet_ledger import checkpoint_log, trees
from wallet_ledger.audit import SERVICE
from wallet_ledger.checkpoints import CHECKPOINT, digest, head_of, signed_bytes
from wallet_ledger.growth import Grown
from wallet_ledger.signing import is_signed
from wallet_ledger.trees import BLOCK_LEVEL

READ_CHECKPOINTS = 1_000

NODES = """
SELECT level, index, next_position, hash FROM view.tree_node WHERE partition = $1 ORDER BY 1, 2
"""

Tell = Callable[[int, int], None]


class NotACheckpoint(Exception):
    """A file that holds no checkpoint."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What one checkpoint signed of one partition."""

    named: str
    head: Head


def read_kept(path: Path) -> CheckpointSigned:
    """Return the checkpoint in a file, as the API answered it. Raises NotACheckpoint."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("type") != CHECKPOINT:
            raise NotACheckpoint(f"{path} holds something else than a checkpoint")
        return CheckpointSigned.model_validate(fields)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        raise NotACheckpoint(f"{path} holds no checkpoint: {type(error).__name__}") from None


async def check_checkpoints(
    connection: Connection, kept: CheckpointSigned | None, tell: Tell
) -> AsyncGenerator[Finding]:
    """Yield all in which the log, its trees and its checkpoints disagree (invariants 9 and 7).

    Run it in a REPEATABLE READ transaction. `kept` is an outsider's checkpoint.
    """
    async for found in audit_partition(connection, SERVICE, checkpoint_log.PARTITION):
        if isinstance(found, Finding):
            yield found
    signed: list[CheckpointSigned] = []
    keys = await checkpoint_log.keys(connection)
    for detail in key_faults(keys):
        yield _of_checkpoints(None, detail)
    async for checkpoint in _all(connection):
        for detail in faults(checkpoint, signed[-1] if signed else None, keys):
            yield _of_checkpoints(checkpoint.n, detail)
        signed.append(checkpoint)
    if kept is not None:
        for detail in kept_faults(kept, signed, keys):
            yield _of_checkpoints(kept.n, detail)
    named = [(f"checkpoint {each.n}", each) for each in signed]
    named += [(f"the checkpoint {kept.n} that was kept", kept)] if kept else []
    partitions = sorted({head.partition for _, each in named for head in each.heads})
    for done, partition in enumerate(partitions):
        rungs = [Rung(name, head) for name, each in named if (head := head_of(each, partition))]
        async for finding in _check_tree(connection, partition, rungs):
            yield finding
        tell(done + 1, len(partitions))


async def _all(connection: Connection) -> AsyncGenerator[CheckpointSigned]:
    after = 0
    while found := await checkpoint_log.after(connection, after, READ_CHECKPOINTS):
        for checkpoint in found:
            yield checkpoint
        after = found[-1].n


def key_faults(keys: Sequence[CheckpointKeyIntroduced]) -> Iterator[str]:
    """Yield what is wrong with the keys: each is introduced by the one before it."""
    known: dict[str, str] = {}
    before: CheckpointKeyIntroduced | None = None
    for key in keys:
        if before is None:
            known[key.key_id] = key.public_key
        due = before.key_id if before else key.key_id
        if key.signed_by != due or not is_signed(key, known):
            yield f"key {key.key_id} was not introduced by the key before it"
        if before is not None and key.first_checkpoint < before.first_checkpoint:
            yield f"key {key.key_id} signs before its predecessor"
        known[key.key_id] = key.public_key
        before = key


def faults(
    checkpoint: CheckpointSigned,
    before: CheckpointSigned | None,
    keys: Sequence[CheckpointKeyIntroduced],
) -> Iterator[str]:
    """Yield what is wrong with a checkpoint, given the one before it."""
    if checkpoint.n != (before.n + 1 if before else 1):
        yield f"checkpoint {checkpoint.n} follows {before.n if before else 0}"
    if checkpoint.previous != digest(before):
        yield f"checkpoint {checkpoint.n} does not name the one before it"
    if checkpoint.events != sum(head.position for head in checkpoint.heads):
        yield f"checkpoint {checkpoint.n} does not add up"
    due = [key for key in keys if key.first_checkpoint <= checkpoint.n]
    if not due or checkpoint.key_id != due[-1].key_id:
        yield f"checkpoint {checkpoint.n} is signed by a key that was not to sign it"
    if not is_signed(checkpoint, {key.key_id: key.public_key for key in due}):
        yield f"the signature of checkpoint {checkpoint.n} is false"


def kept_faults(
    kept: CheckpointSigned,
    signed: Sequence[CheckpointSigned],
    keys: Sequence[CheckpointKeyIntroduced],
) -> Iterator[str]:
    """Yield in what an outsider's checkpoint differs from the log's of the same number."""
    if not is_signed(kept, {key.key_id: key.public_key for key in keys}):
        yield f"the checkpoint {kept.n} that was kept is signed by no key of this ledger"
    same = next((each for each in signed if each.n == kept.n), None)
    if same is None:
        yield f"checkpoint {kept.n} was kept by an outsider, and is gone from the log"
    elif signed_bytes(same) != signed_bytes(kept):
        yield f"checkpoint {kept.n} is another than the one that was kept: history was forked"


def _of_checkpoints(n: int | None, detail: str) -> Finding:
    return Finding(DENSE, SERVICE, checkpoint_log.PARTITION, n, None, detail)


async def _check_tree(
    connection: Connection, partition: int, rungs: Sequence[Rung]
) -> AsyncGenerator[Finding]:
    """Yield where the links of a partition are not what was signed, the first place alone."""
    nodes = {
        (row["level"], row["index"]): (row["next_position"], row["hash"])
        for row in await connection.fetch(NODES, partition)
    }
    waiting = sorted(rungs, key=lambda rung: rung.head.links)
    tree, held, wrong_nodes = Grown(), 0, 0
    end = max((rung.head.position for rung in rungs), default=0)
    async for links in trees.links(connection, partition, 0, end):
        for link in links:
            while waiting and waiting[0].head.links == tree.growing.size:
                rung = waiting.pop(0)
                if difference(tree, rung.head) is not None:
                    yield _changed(partition, held, rung)
                    return
                held = rung.head.position
            for subtree, made in tree.growing.add(merkle.leaf(link.link)):
                due = (link.next_position, made)
                if subtree[0] >= BLOCK_LEVEL and nodes.pop(subtree, None) != due:
                    wrong_nodes = wrong_nodes or link.first_position
            tree.link, tree.position = link.link, link.next_position - 1
    for rung in waiting:
        if difference(tree, rung.head) is not None:
            yield _changed(partition, held, rung)
            return
        held = rung.head.position
    if wrong_nodes or nodes:
        detail = "view.tree_node: a subtree is not that of the links"
        yield Finding(7, SERVICE, partition, wrong_nodes or None, None, detail)


def difference(tree: Grown, signed: Head) -> str | None:
    """Return in what a tree is not the one that was signed, or None."""
    return None if tree.head(signed.partition) == signed else "another history"


def _changed(partition: int, held: int, rung: Rung) -> Finding:
    """Return the finding at the first place that the last checkpoint which holds does not cover."""
    upto = rung.head.position
    detail = f"positions {held + 1} to {upto} are not what {rung.named} signed: changed or cut"
    return Finding(DENSE, SERVICE, partition, held + 1, None, detail)
