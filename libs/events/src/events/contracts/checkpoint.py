"""What wallet-ledger signs of its own history: checkpoints, and the keys that sign them.

Hashes, keys and signatures are lower-case hexadecimal. docs/proofs.md says what each proves.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from events.contracts.base import Id, NonNegative, PublicEvent

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes: a SHA-256, a public key of Ed25519, or the id of a key (the SHA-256 of its bytes)."""

Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
"""64 bytes: a signature of Ed25519."""

Number = Annotated[int, Field(strict=True, ge=1)]
"""The number of a checkpoint: 1, 2, 3 ... without a hole."""


class Head(BaseModel):
    """How far one partition is: `position` events in `links` links, the last one `link`.

    `root` is the root of RFC 9162's Merkle tree whose leaves are the partition's links.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    partition: NonNegative
    position: NonNegative
    links: NonNegative
    link: Hash
    root: Hash


Heads = Annotated[tuple[Head, ...], Field(strict=False, min_length=1)]
"""Every partition of the ledger, ascending (a JSON array is taken for the tuple)."""


class CheckpointSigned(PublicEvent):
    """Checkpoint `n` over all heads, and the SHA-256 (`previous`) of what was signed before it.

    Signed is the canonical JSON (RFC 8785) of all fields but `signature`, and `type`
    ("kembalian.checkpoint.v1").
    """

    n: Number
    at: Id
    previous: Hash
    events: NonNegative
    heads: Heads
    key_id: Hash
    signature: Signature


class CheckpointKeyIntroduced(PublicEvent):
    """From checkpoint `first_checkpoint` on `key_id` signs; its predecessor says so and signs it.

    The first key of a ledger signs itself. Signed is the canonical JSON of all fields but
    `signature`, and `type` ("kembalian.checkpoint-key.v1").
    """

    key_id: Hash
    public_key: Hash
    first_checkpoint: Number
    at: Id
    signed_by: Hash
    signature: Signature
