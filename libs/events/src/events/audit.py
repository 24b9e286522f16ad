"""Is a log what it must be? Read and opened once, for everybody who has something to say of it.

Every event is forgotten again, so a log of any length can be audited. What is found is typed.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from events import log
from events.audit_links import LinksAudit
from events.audit_order import OrderAudit
from events.envelope import Envelope
from events.finding import Finding
from events.log import Connection, RecordedEvent

READ_EVENTS = 2_000

COUNTER = """
SELECT c.position, c.link,
    (SELECT coalesce(max(e.position), 0) FROM log.event e WHERE e.partition = c.partition) AS last
FROM log.counter c WHERE c.partition = $1
"""

Envelopes = Sequence[Envelope | None]
"""The envelopes of a stretch of events, one each; None = it cannot be read, which was said."""


class Follower(Protocol):
    """Whoever has something to say of a partition's events, given all of them, in order."""

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes, /
    ) -> Sequence[Finding]:
        """Return what is wrong with the next events, given all before them."""
        ...

    def end(self) -> AsyncIterator[Finding]:
        """Yield what is wrong with all of them together."""
        ...


async def audit_partition(
    connection: Connection, service: str, partition: int, followers: Sequence[Follower] = ()
) -> AsyncIterator[Finding | int]:
    """Yield the findings of one partition, and after each stretch of it the position reached.

    Run it in a REPEATABLE READ transaction: a live log then stands still.
    """
    counter = await connection.fetchrow(COUNTER, partition)
    assert counter is not None
    order, links = OrderAudit(service, partition), LinksAudit(connection, service, partition)
    last = 0
    while events := await log.read(connection, partition, last, READ_EVENTS):
        last = events[-1].position
        envelopes, found = order.take(events)
        for finding in (*found, *await links.take(events)):
            yield finding
        for follower in followers:
            for finding in await follower.take(events, envelopes):
                yield finding
        yield last
    for finding in await links.end(last):
        yield finding
    if not links.covered == counter["position"] == counter["last"]:
        ends = f"the counter {counter['position']}, the events {counter['last']}"
        yield links.finding(links.covered, f"the links end at {links.covered}, {ends}")
    if links.link != counter["link"]:
        yield links.finding(links.covered, "the counter's link is not the last one")
    for follower in followers:
        async for finding in follower.end():
            yield finding
