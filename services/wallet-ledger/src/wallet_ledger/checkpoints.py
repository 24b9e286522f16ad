"""What a checkpoint says and when one is due. Pure; docs/proofs.md tells what it is good for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned, Head
from events.envelope import timestamp

STREAM = "checkpoints"
KEY_STREAM = "checkpoint-keys"

CHECKPOINT = "kembalian.checkpoint.v1"
KEY = "kembalian.checkpoint-key.v1"
"""What is signed says what it is: neither can be taken for the other."""

NOTHING = "0" * 64
"""What the first checkpoint names as the hash of the one before it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One is due after `events` events, or after `seconds` if there was any event at all."""

    events: int = 1_000
    seconds: float = 60.0

    def is_due(self, unsigned: int, age_seconds: float) -> bool:
        """Tell whether to sign: `unsigned` events since a checkpoint that is so many seconds old.

        At rest nothing is signed again.
        """
        return unsigned >= self.events or (unsigned > 0 and age_seconds >= self.seconds)


def canonical(fields: dict[str, Any]) -> bytes:
    """Return RFC 8785's bytes of an object of ASCII texts and integers: what is signed.

    For such objects they are what the standard library writes; a test compares them.
    """
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def shown(statement: CheckpointSigned | CheckpointKeyIntroduced) -> dict[str, Any]:
    """Return a statement as the API shows it: its fields, and the type of what is signed."""
    kind = CHECKPOINT if isinstance(statement, CheckpointSigned) else KEY
    return {"type": kind, **statement.model_dump(mode="json")}


def signed_bytes(statement: CheckpointSigned | CheckpointKeyIntroduced) -> bytes:
    """Return what the signature of a statement is over."""
    fields = shown(statement)
    del fields["signature"]
    return canonical(fields)


def digest(statement: CheckpointSigned | None) -> str:
    """Return the hash by which the next checkpoint names this one (None = there is none yet)."""
    return NOTHING if statement is None else sha256(signed_bytes(statement)).hexdigest()


def next_checkpoint(
    previous: CheckpointSigned | None, heads: Sequence[Head], at: datetime, key_id: str
) -> dict[str, Any]:
    """Return the fields of the checkpoint that follows `previous`, not signed yet."""
    return {
        "n": previous.n + 1 if previous else 1,
        "at": timestamp(at),
        "previous": digest(previous),
        "events": sum(head.position for head in heads),
        "heads": [head.model_dump() for head in heads],
        "key_id": key_id,
    }


def head_of(checkpoint: CheckpointSigned | None, partition: int) -> Head | None:
    """Return the head that a checkpoint has of a partition, or None."""
    heads = checkpoint.heads if checkpoint else ()
    return next((head for head in heads if head.partition == partition), None)
