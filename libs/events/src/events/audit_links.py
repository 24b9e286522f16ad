"""Do the links of a partition cover its events, each once, and follow from one another?"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from events import merkle
from events.finding import DENSE, Finding
from events.log import Connection, RecordedEvent

READ_LINKS = 2_000

LINKS = """
SELECT first_position, count, recorded_at, root, link FROM log.link
WHERE partition = $1 AND first_position > $2 ORDER BY first_position LIMIT $3
"""


class _Link(NamedTuple):
    first: int
    length: int
    at: datetime
    root: bytes
    link: bytes

    @property
    def last(self) -> int:
        return self.first + self.length - 1


class LinksAudit:
    """Recomputes the links of one partition while its events stream by.

    Goes on from each stored link, so that one fault is found once and not in all that follows.
    `covered` is the last position that a link covers so far, `link` the hash of that link.
    """

    def __init__(self, connection: Connection, service: str, partition: int) -> None:
        self._connection = connection
        self._service = service
        self._partition = partition
        self._links: list[_Link] = []  # read and not closed, the next one last
        self._first_read = 0
        self._open: list[RecordedEvent] = []
        self.covered = 0
        self.link = merkle.GENESIS

    async def take(self, events: Sequence[RecordedEvent]) -> list[Finding]:
        """Return what is wrong with the links that end among the next events."""
        left, done = [*self._open, *events], 0
        found: list[Finding] = []
        while (link := await self._next()) is not None and link.last <= left[-1].position:
            self._links.pop()
            count = self._covers(left, done, link.last)
            found += self._close(link, left[done : done + count])
            done += count
        first = left[-1].position + 1 if link is None else link.first  # no more is kept than needed
        self._open = [event for event in left[done:] if event.position >= first]
        return found

    async def end(self, last: int) -> list[Finding]:
        """Return what is wrong with the links that reach beyond the last event, at `last`."""
        found: list[Finding] = []
        while (link := await self._next()) is not None:
            self._links.pop()
            if link.last > last:
                found.append(self.finding(last + 1, f"positions up to {link.last} are missing"))
                last = link.last
            found += self._close(link, self._open)
            self._open = []
        return found

    async def _next(self) -> _Link | None:
        """Return the next link, which stays where it is; None after the last one."""
        if not self._links:
            rows = await self._connection.fetch(
                LINKS, self._partition, self._first_read, READ_LINKS
            )
            self._links = [_Link(*row) for row in reversed(rows)]
            if rows:
                self._first_read = rows[-1]["first_position"]
        return self._links[-1] if self._links else None

    def _covers(self, events: Sequence[RecordedEvent], start: int, last: int) -> int:
        """Return how many events from `start` on lie up to the position `last`."""
        if start == len(events):
            return 0  # a link over what others cover
        count = last - events[start].position + 1  # where no position is missing
        if 0 < count <= len(events) - start and events[start + count - 1].position == last:
            return count
        return sum(1 for _ in takewhile(lambda event: event.position <= last, events[start:]))

    def _close(self, link: _Link, events: Sequence[RecordedEvent]) -> list[Finding]:
        """Return what is wrong with a link; `events` are those up to its end not covered before."""
        found: list[Finding] = []
        if link.first != self.covered + 1:
            detail = f"no link covers positions after {self.covered}"
            found.append(self.finding(link.first, detail))
        if events and events[0].position < link.first:
            events = [event for event in events if event.position >= link.first]
        for event in events:
            if event.recorded_at != link.at:
                detail = "recorded_at is not that of its link"
                found.append(self.finding(event.position, detail, event.stream))
        wrong = self._fault(link, [event.body for event in events])
        if wrong is not None:
            detail = f"positions {link.first} to {link.last}: {wrong}"
            found.append(self.finding(link.first, detail))
        self.covered, self.link = link.last, link.link
        return found

    def _fault(self, link: _Link, bodies: Sequence[bytes]) -> str | None:
        if not bodies or merkle.root(bodies) != link.root:
            return "the Merkle root is not that of its events: a body was changed"
        expected = merkle.link(self.link, link.first, len(bodies), link.at, link.root)
        return None if expected == link.link else "the link does not follow from the one before it"

    def finding(self, position: int, detail: str, stream: str | None = None) -> Finding:
        """Return a finding in this partition."""
        return Finding(DENSE, self._service, self._partition, position, stream, detail)
