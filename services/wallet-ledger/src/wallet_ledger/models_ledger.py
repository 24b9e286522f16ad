"""What the ledger shows of its own history, as the API describes it. Hashes are hexadecimal."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class HeadAnswer(BaseModel):
    """How far one partition was: events, links of its chain, the last link, the tree's root."""

    partition: int
    position: int
    links: int
    link: str
    root: str


class CheckpointAnswer(BaseModel):
    """A signed checkpoint; signed is the canonical JSON of all fields but `signature`."""

    type: str
    n: int
    at: str
    previous: str
    events: int
    heads: list[HeadAnswer]
    key_id: str
    signature: str


class CheckpointsAnswer(BaseModel):
    """A page of checkpoints, oldest first."""

    items: list[CheckpointAnswer]
    next_cursor: str | None


class KeyAnswer(BaseModel):
    """A public key, from its first checkpoint to its last (null: it still signs)."""

    type: str
    key_id: str
    public_key: str
    first_checkpoint: int
    at: str
    signed_by: str
    signature: str
    last_checkpoint: int | None = None


class KeysAnswer(BaseModel):
    """All keys, oldest first."""

    items: list[KeyAnswer]
    next_cursor: str | None


class EventAnswer(BaseModel):
    """An event: `event` is what it says, `body` the exact text of its bytes, which are hashed."""

    event_id: str
    at: str
    ledger_position: str
    event: dict[str, Any]
    body: str


class GroupAnswer(BaseModel):
    """The commit that recorded an event, its link's parts, and the audit path inside it."""

    first_position: int
    count: int
    recorded_at: int = Field(description="microseconds since 1970, UTC")
    previous: str
    index: int
    path: list[str]


class TreeAnswer(BaseModel):
    """The link's number in its partition's tree, and its audit path."""

    index: int
    path: list[str]


class ProofAnswer(BaseModel):
    """The inclusion proof of an event: hashes only."""

    event_id: str
    partition: int
    group: GroupAnswer
    tree: TreeAnswer
    checkpoint: CheckpointAnswer
    keys: list[KeyAnswer]


class ReceiptAnswer(BaseModel):
    """An event and its proof: what the stand-alone verifier takes."""

    event: EventAnswer
    proof: ProofAnswer


class PathAnswer(BaseModel):
    """The consistency proof of one partition's tree."""

    partition: int
    path: list[str]


class ConsistencyAnswer(BaseModel):
    """The proof that a later checkpoint's history begins with an earlier one's."""

    model_config = ConfigDict(populate_by_name=True)

    earlier: CheckpointAnswer = Field(alias="from")
    to: CheckpointAnswer
    partitions: list[PathAnswer]
    keys: list[KeyAnswer]
