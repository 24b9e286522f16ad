"""Is a log what it must be? Dense, chained, true to its columns, and the same on its topic.

Everything is read in order and forgotten again, so a log of any length can be audited. What is
found is typed: the invariant's number in docs/architecture.md, and where.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from events import log, merkle
from events.envelope import Envelope, MalformedEvent, UnknownEventType
from events.log import Connection, RecordedEvent
from events.quickly import open_quickly

READ_EVENTS = 2_000

LINKS = """
SELECT first_position, count, recorded_at, root, link FROM log.link
WHERE partition = $1 AND first_position > $2 ORDER BY first_position LIMIT $3
"""

COUNTER = """
SELECT c.position, c.link,
    (SELECT coalesce(max(e.position), 0) FROM log.event e WHERE e.partition = c.partition) AS last
FROM log.counter c WHERE c.partition = $1
"""

DENSE, SAME_ON_TOPIC = 9, 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: which invariant it breaks, and where it was seen."""

    invariant: int
    service: str
    partition: int | None
    position: int | None
    stream: str | None
    detail: str


Take = Callable[[RecordedEvent, Envelope], Iterator[Finding]]
"""What a service has to say of each of its own events, in order."""


def nothing(_event: RecordedEvent, _envelope: Envelope) -> Iterator[Finding]:
    """Say nothing: for a log whose events carry no money."""
    return iter(())


@dataclass(slots=True)
class Chain:
    """Recomputes the links of one partition while its bodies stream by."""

    previous: bytes = merkle.GENESIS
    bodies: list[bytes] = field(default_factory=list[bytes])

    def close(self, first: int, at: datetime, root: bytes, link: bytes) -> str | None:
        """Return what is wrong with a link over the bodies taken since the last one, or None.

        Goes on from the stored link, so that one fault is found once and not in all that follows.
        """
        bodies, self.bodies = self.bodies, []
        expected = merkle.link(self.previous, first, len(bodies), at, root)
        self.previous = link
        if not bodies or merkle.root(bodies) != root:
            return "the Merkle root is not that of its events: a body was changed"
        return None if expected == link else "the link does not follow from the one before it"


async def audit_partition(
    connection: Connection, service: str, partition: int, take: Take = nothing
) -> AsyncIterator[Finding | int]:
    """Yield the findings of one partition, and after each batch the position reached.

    Run it in a REPEATABLE READ transaction: a live log then stands still.
    """
    counter = await connection.fetchrow(COUNTER, partition)
    assert counter is not None
    rows = _Rows(service, partition)
    chain = Chain()
    events = _Events(connection, partition)
    told = 0
    async for first, count, at, root, link in _links(connection, partition):
        if first != rows.last + 1:
            yield rows.finding(first, None, f"no link covers positions after {rows.last}")
        for event in await events.between(first, first + count - 1):
            chain.bodies.append(event.body)
            for finding in rows.take(event, at, take):
                yield finding
        for finding in rows.close(first + count - 1):
            yield finding
        wrong = chain.close(first, at, root, link)
        if wrong is not None:
            yield rows.finding(first, None, f"positions {first} to {first + count - 1}: {wrong}")
        if rows.last >= told + READ_EVENTS:
            told = rows.last
            yield told
    yield rows.last
    if not rows.last == counter["position"] == counter["last"]:
        ends = f"the counter {counter['position']}, the events {counter['last']}"
        yield rows.finding(rows.last, None, f"the links end at {rows.last}, {ends}")
    if chain.previous != counter["link"]:
        yield rows.finding(rows.last, None, "the counter's link is not the last one")


async def _links(
    connection: Connection, partition: int
) -> AsyncIterator[tuple[int, int, datetime, bytes, bytes]]:
    after = 0
    while rows := await connection.fetch(LINKS, partition, after, READ_EVENTS):
        for row in rows:
            yield tuple(row.values())
        after = rows[-1]["first_position"]


class _Events:
    """The events of one partition in order, read in batches whatever the size of the links."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self._waiting: deque[RecordedEvent] = deque()
        self._after = 0

    async def between(self, first: int, last: int) -> list[RecordedEvent]:
        """Return the events from `first` to `last`; what lies before is passed over."""
        found: list[RecordedEvent] = []
        while await self._filled() and self._waiting[0].position <= last:
            event = self._waiting.popleft()
            if event.position >= first:
                found.append(event)
        return found

    async def _filled(self) -> bool:
        if not self._waiting:
            self._waiting.extend(
                await log.read(self._connection, self._partition, self._after, READ_EVENTS)
            )
            if self._waiting:
                self._after = self._waiting[-1].position
        return bool(self._waiting)


class _Rows:
    """Checks the rows of one partition, one after the other."""

    def __init__(self, service: str, partition: int) -> None:
        self._service = service
        self._partition = partition
        self._versions: dict[str, int] = {}
        self.last = 0

    def finding(self, position: int, stream: str | None, detail: str) -> Finding:
        return Finding(DENSE, self._service, self._partition, position, stream, detail)

    def take(self, event: RecordedEvent, linked_at: datetime, take: Take) -> Iterator[Finding]:
        where = (event.position, event.stream)
        if event.position != self.last + 1:
            yield self.finding(self.last + 1, None, f"positions up to {event.position} are missing")
        self.last = event.position
        version = self._versions.get(event.stream, 0) + 1
        if event.version != version:
            yield self.finding(*where, f"version {event.version} where {version} was due")
        self._versions[event.stream] = event.version
        if event.recorded_at != linked_at:
            yield self.finding(*where, "recorded_at is not that of its link")
        try:
            envelope = open_quickly(event.body)
        except (MalformedEvent, UnknownEventType) as error:
            yield self.finding(*where, f"the body cannot be read: {error!r}"[:200])
            return
        inside = (envelope.event_id, envelope.type, envelope.stream, envelope.version)
        if inside != (str(event.event_id), event.type, event.stream, event.version):
            yield self.finding(*where, "the body says something else than its row")
        yield from take(event, envelope)

    def close(self, until: int) -> Iterator[Finding]:
        """Report what is missing at the end of a link."""
        if self.last < until:
            yield self.finding(self.last + 1, None, f"positions up to {until} are missing")
            self.last = until
