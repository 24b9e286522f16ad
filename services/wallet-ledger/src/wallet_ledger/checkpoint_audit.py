"""Is history what was signed? Every checkpoint against the log, and one that an outsider kept."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from events import log
from events.audit import audit_partition
from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned
from events.finding import DENSE, Finding
from events.log import Connection
from events.quickly import readable
from wallet_ledger.audit import SERVICE
from wallet_ledger.checkpoint_log import PARTITION
from wallet_ledger.checkpoints import CHECKPOINT, digest, head_of, signed_bytes
from wallet_ledger.signing import is_signed
from wallet_ledger.tree_audit import Rung, check_tree

Tell = Callable[[int, int], None]


class NotACheckpoint(Exception):
    """A file that holds no checkpoint."""


@dataclass(slots=True)
class Signed:
    """What was read so far of the log of checkpoints, in order."""

    keys: list[CheckpointKeyIntroduced] = field(default_factory=list[CheckpointKeyIntroduced])
    checkpoints: list[CheckpointSigned] = field(default_factory=list[CheckpointSigned])
    true: list[CheckpointSigned] = field(default_factory=list[CheckpointSigned])
    """Those whose signature is true: history is held against no others."""

    @property
    def public_keys(self) -> dict[str, str]:
        """Key id -> public key."""
        return {key.key_id: key.public_key for key in self.keys}

    def take(self, statement: object) -> Iterator[str]:
        """Take the next statement; yield what is wrong with it."""
        if isinstance(statement, CheckpointKeyIntroduced):
            yield from key_faults(statement, self.keys)
            self.keys.append(statement)
        elif isinstance(statement, CheckpointSigned):
            before = self.checkpoints[-1] if self.checkpoints else None
            yield from faults(statement, before, self.keys)
            self.checkpoints.append(statement)
            if is_signed(statement, self.public_keys):
                self.true.append(statement)
            else:
                yield f"the signature of checkpoint {statement.n} is false"


def read_kept(path: Path) -> CheckpointSigned:
    """Return the checkpoint in a file, as the API answered it. Raises NotACheckpoint."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("type") != CHECKPOINT:
            raise NotACheckpoint(f"{path} holds something else than a checkpoint")
        fields.pop("keys", None)  # an export writes them into the same file
        return CheckpointSigned.model_validate(fields)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise NotACheckpoint(f"{path} holds no checkpoint: {type(error).__name__}") from None


async def check_checkpoints(
    connection: Connection, kept: CheckpointSigned | None, tell: Tell
) -> AsyncGenerator[Finding]:
    """Yield all in which the log, its trees and its checkpoints disagree (invariants 9 and 7).

    Run it in a REPEATABLE READ transaction. `kept` is an outsider's checkpoint.
    """
    async for found in audit_partition(connection, SERVICE, PARTITION):
        if isinstance(found, Finding):
            yield found
    signed = Signed()
    async for finding in _read(connection, signed):
        yield finding
    named = [(f"checkpoint {each.n}", each) for each in signed.true]
    if kept is not None:
        for detail in kept_faults(kept, signed):
            yield Finding(DENSE, SERVICE, PARTITION, None, None, detail)
        if is_signed(kept, signed.public_keys):
            named.append((f"the checkpoint {kept.n} that was kept", kept))
    partitions = sorted({head.partition for _, each in named for head in each.heads})
    for done, partition in enumerate(partitions):
        rungs = [Rung(name, head) for name, each in named if (head := head_of(each, partition))]
        async for finding in check_tree(connection, partition, rungs):
            yield finding
        tell(done + 1, len(partitions))


async def _read(connection: Connection, signed: Signed) -> AsyncGenerator[Finding]:
    """Take all statements of the log of checkpoints; yield what is wrong with each."""
    position = 0
    while events := await log.read(connection, PARTITION, position):
        for event in events:
            envelope = readable(event.body)  # what cannot be read was named already
            for detail in signed.take(envelope.data if envelope else None):
                yield Finding(DENSE, SERVICE, PARTITION, event.position, event.stream, detail)
        position = events[-1].position


def key_faults(
    key: CheckpointKeyIntroduced, before: Sequence[CheckpointKeyIntroduced]
) -> Iterator[str]:
    """Yield what is wrong with a key: it is introduced by the one before it."""
    by = before[-1] if before else key
    if key.signed_by != by.key_id or not is_signed(key, {by.key_id: by.public_key}):
        yield f"key {key.key_id} was not introduced by the key before it"
    if key.first_checkpoint < by.first_checkpoint:
        yield f"key {key.key_id} signs before its predecessor"


def faults(
    checkpoint: CheckpointSigned,
    before: CheckpointSigned | None,
    keys: Sequence[CheckpointKeyIntroduced],
) -> Iterator[str]:
    """Yield what is wrong with a checkpoint's words, given the one before it."""
    if checkpoint.n != (before.n + 1 if before else 1):
        yield f"checkpoint {checkpoint.n} follows {before.n if before else 0}"
    if checkpoint.previous != digest(before):
        yield f"checkpoint {checkpoint.n} does not name the one before it"
    if checkpoint.events != sum(head.position for head in checkpoint.heads):
        yield f"checkpoint {checkpoint.n} does not add up"
    due = [key for key in keys if key.first_checkpoint <= checkpoint.n]
    if not due or checkpoint.key_id != due[-1].key_id:
        yield f"checkpoint {checkpoint.n} is signed by a key that was not to sign it"


def kept_faults(kept: CheckpointSigned, signed: Signed) -> Iterator[str]:
    """Yield in what an outsider's checkpoint differs from the log's of the same number."""
    if not is_signed(kept, signed.public_keys):
        yield f"the checkpoint {kept.n} that was kept is signed by no key of this ledger"
    same = next((each for each in signed.checkpoints if each.n == kept.n), None)
    if same is None:
        yield f"checkpoint {kept.n} was kept by an outsider, and is not in the log"
    elif signed_bytes(same) != signed_bytes(kept):
        yield f"checkpoint {kept.n} is another than the one that was kept: history was forked"
