"""A ledger as lines that prove themselves: the format of `kembalian export`, line by line: pure.

One JSON document a line: header, outcomes by (caller, key), their number, then partition by
partition each link followed by its events, and an end with counts and the digest of all before.
The bytes of an event stand in its line as they are; the links prove them, and the header's heads
the links. Equal ledgers give equal bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from events.merkle import EPOCH
from events.outcomes import Outcome
from wallet_ledger import domain

LAST_MICROSECOND: Final = 253_402_300_799_999_999
"""The end of the year 9999, from 1970: the last moment that a datetime can name."""

Partition = Annotated[int, msgspec.Meta(ge=0, lt=1000)]
Place = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z")]
"""What PostgreSQL takes for text: anything but NUL."""


class HeadLine(msgspec.Struct, frozen=True):
    """How far one partition goes: its last position and the link there (hex)."""

    partition: Partition
    position: Place
    link: str


class HeaderLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    kind: Literal["header"]
    format: Literal["kembalian-ledger"]
    version: Literal[1]
    heads: list[HeadLine]


class OutcomeLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kept answer: under its caller's key, for ever."""

    kind: Literal["outcome"]
    caller: Text
    key: Text
    fingerprint: str
    status: Annotated[int, msgspec.Meta(ge=100, le=599)]
    answer: str


class OutcomesLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end of the outcomes."""

    kind: Literal["outcomes"]
    count: int


class LinkLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link, before its events; `recorded_at` in microseconds since 1970."""

    kind: Literal["link"]
    partition: Partition
    first: Place
    count: Place
    recorded_at: Annotated[int, msgspec.Meta(ge=0, le=LAST_MICROSECOND)]
    root: str
    link: str

    @property
    def at(self) -> datetime:
        """When its events were recorded, UTC."""
        return EPOCH + timedelta(microseconds=self.recorded_at)


class EndLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line; `digest` is the SHA-256 of all bytes before it."""

    kind: Literal["end"]
    outcomes: int
    links: int
    events: int
    digest: str


Line = HeaderLine | OutcomeLine | OutcomesLine | LinkLine | EndLine


def written(line: Line) -> bytes:
    """Return the bytes of a line that is not an event."""
    return msgspec.json.encode(line) + b"\n"


def event_line(partition: int, position: int, body: bytes) -> bytes:
    """Return the bytes of an event's line: `body` stands in it as it is."""
    return before_body(partition, position) + body + b"}\n"


def before_body(partition: int, position: int) -> bytes:
    """Return what stands before the body in an event's line."""
    return b'{"kind":"event","partition":%d,"position":%d,"body":' % (partition, position)


@dataclass(frozen=True, slots=True)
class FiledEvent:
    """One event of a file, opened: what the log's columns say of it, and what it means."""

    position: int
    stream: str
    version: int
    type: str
    event_id: UUID
    body: bytes
    fact: domain.Event


@dataclass(frozen=True, slots=True)
class FiledGroup:
    """A link and its events, proven: they follow from all before them."""

    link: LinkLine
    events: list[FiledEvent]


def outcome_line(outcome: Outcome) -> bytes:
    """Return the bytes of a kept answer's line. Raises UnicodeDecodeError if it is no text."""
    mark = outcome.fingerprint.hex()
    text = outcome.answer.decode()
    return written(OutcomeLine("outcome", outcome.caller, outcome.key, mark, outcome.status, text))


def header_line(heads: Iterable[HeadLine]) -> HeaderLine:
    """Return the header of a ledger with these heads, by partition."""
    return HeaderLine("header", "kembalian-ledger", 1, list(heads))
