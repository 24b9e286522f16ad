"""Proves a ledger's file while it is read: every line is checked against all before it: pure."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from events import merkle
from events.envelope import MalformedEvent, UnknownEventType, open_envelope
from events.outcomes import Outcome
from wallet_ledger.ledger_file import (
    EndLine,
    FiledEvent,
    FiledGroup,
    HeaderLine,
    LinkLine,
    OutcomeLine,
    OutcomesLine,
    before_body,
)
from wallet_ledger.publish import NotAWalletEvent, from_contract

LineT = TypeVar("LineT", bound=msgspec.Struct)

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""NUL as JSON writes it: no text of PostgreSQL holds it, so no view could."""


class BadLine(Exception):
    """The first line that is not what it must be: its number, from 1, and why."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")
        self.number = number


@dataclass(slots=True)
class Proof:
    """Reads a file line by line, in order, and refuses the first one that does not fit.

    What is counted and hashed is what was whole: the header, each outcome, each link with all of
    its events.
    """

    header: HeaderLine | None = None
    outcomes: int = 0
    outcomes_done: bool = False
    links: int = 0
    events: int = 0
    ended: bool = False
    digest: Any = field(default_factory=hashlib.sha256)
    last: dict[int, tuple[int, bytes]] = field(default_factory=dict[int, tuple[int, bytes]])
    """Partition -> its last position and link so far."""
    number: int = 0
    _slot: tuple[bytes, bytes] = (b"", b"")
    _open: LinkLine | None = None
    _lines: list[bytes] = field(default_factory=list[bytes])
    _events: list[FiledEvent] = field(default_factory=list[FiledEvent])

    @property
    def whole(self) -> bool:
        """True if no link waits for its events: a file may be cut here and gone on with."""
        return self._open is None

    def take(self, line: bytes) -> Outcome | FiledGroup | None:
        """Return what a line completes, None if nothing. Raises BadLine."""
        self.number += 1
        if self.ended:
            raise self._bad("nothing may follow the end")
        if self._open is not None:
            return self._event(line, self._open)
        if self.header is None:
            self._begin(line)
            return None
        if line.startswith(b'{"kind":"outcome"') and not self.outcomes_done:
            return self._outcome(line)
        if line.startswith(b'{"kind":"outcomes"') and not self.outcomes_done:
            if self._read(line, OutcomesLine).count != self.outcomes:
                raise self._bad(f"{self.outcomes} outcomes stand before it")
            self.outcomes_done = True
            self.digest.update(line)
            return None
        if line.startswith(b'{"kind":"link"') and self.outcomes_done:
            self._link(line)
            return None
        self._end(line)
        return None

    def forget_unfinished(self) -> None:
        """Drop a link whose events did not all come: what is proven ends before it."""
        self._open = None

    def require_end(self) -> None:
        """Raises BadLine if the file stopped before its end."""
        if not self.ended:
            self.number += 1
            raise self._bad("the file ends here, without its last line")

    def _begin(self, line: bytes) -> None:
        self.header = self._read(line, HeaderLine)
        if [head.partition for head in self.header.heads] != list(range(len(self.header.heads))):
            raise self._bad("the heads do not name every partition in order")
        self.last = {head.partition: (0, merkle.GENESIS) for head in self.header.heads}
        self.digest.update(line)

    def _outcome(self, line: bytes) -> Outcome:
        said = self._read(line, OutcomeLine)
        slot = (said.caller.encode(), said.key.encode())
        if slot <= self._slot:
            raise self._bad("the outcomes are not in order")
        self._slot = slot
        self.outcomes += 1
        self.digest.update(line)
        try:
            mark = bytes.fromhex(said.fingerprint)
        except ValueError as error:
            raise self._bad("the fingerprint is not hexadecimal") from error
        return Outcome(said.caller, said.key, mark, said.status, said.answer.encode())

    def _link(self, line: bytes) -> None:
        link = self._read(line, LinkLine)
        position, _ = self.last.get(link.partition, (0, b""))
        if link.partition not in self.last or any(
            self.last[p][0] for p in range(link.partition + 1, len(self.last))
        ):
            raise self._bad("the partitions are not in order")
        if link.first != position + 1 or link.count < 1:
            raise self._bad(f"position {position + 1} of partition {link.partition} is due")
        self._open, self._lines, self._events = link, [line], []

    def _event(self, line: bytes, link: LinkLine) -> FiledGroup | None:
        position = link.first + len(self._events)
        before = before_body(link.partition, position)
        if not line.startswith(before) or not line.endswith(b"}\n"):
            raise self._bad(f"position {position} of partition {link.partition} is due")
        self._events.append(self._opened(position, line[len(before) : -2]))
        self._lines.append(line)
        if len(self._events) < link.count:
            return None
        self._close(link)
        return FiledGroup(link, self._events)

    def _opened(self, position: int, body: bytes) -> FiledEvent:
        if NUL.search(body):
            raise self._bad("the event holds a NUL")
        try:
            envelope = open_envelope(body)
            fact = from_contract(envelope.data)
            event_id = UUID(envelope.event_id)
        except (MalformedEvent, UnknownEventType, NotAWalletEvent, ValueError) as error:
            raise self._bad(f"the event cannot be read: {error!r}"[:200]) from error
        columns = (envelope.stream, envelope.version, envelope.type, event_id)
        return FiledEvent(position, *columns, body, fact)

    def _close(self, link: LinkLine) -> None:
        """Prove the events of a link, and the link. Raises BadLine that names the link's line."""
        at = self.number - link.count
        root = merkle.root([event.body for event in self._events])
        if root.hex() != link.root:
            raise BadLine(at, "its root is not that of its events: one of them was changed")
        _, previous = self.last[link.partition]
        made = merkle.link(previous, link.first, link.count, link.at, root)
        if made.hex() != link.link:
            raise BadLine(at, "the link does not follow from the one before it")
        self.last[link.partition] = (link.first + link.count - 1, made)
        self.links += 1
        self.events += link.count
        self.digest.update(b"".join(self._lines))
        self._open = None

    def _end(self, line: bytes) -> None:
        end = self._read(line, EndLine)
        assert self.header is not None
        for head in self.header.heads:
            position, link = self.last[head.partition]
            if (position, link.hex()) != (head.position, head.link):
                why = f"it ends at {position}, the header says {head.position}"
                raise self._bad(f"partition {head.partition} is not whole: {why}")
        counts = (end.outcomes, end.links, end.events)
        if counts != (self.outcomes, self.links, self.events) or not self.outcomes_done:
            raise self._bad("the counts are not those of the lines before")
        if end.digest != self.digest.hexdigest():
            raise self._bad("the digest is not that of the lines before")
        self.ended = True

    def _read(self, line: bytes, kind: type[LineT]) -> LineT:
        try:
            said = msgspec.json.decode(line, type=kind, strict=True)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise self._bad(f"not what is due here: {error}") from error
        if msgspec.json.encode(said) + b"\n" != line:
            raise self._bad("not written as an export writes it")
        return said

    def _bad(self, why: str) -> BadLine:
        return BadLine(self.number, why)
