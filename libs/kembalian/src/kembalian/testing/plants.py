"""What no application can do to a ledger, done by a superuser: each returns what must be found."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import rfc8785
from uuid_utils.compat import uuid7

from events import log, merkle
from events.contracts import PublicEvent, name_of
from events.envelope import Cause, seal
from events.finding import Finding
from events.log import NewEvent
from events.outcomes import Outcome
from events.place import Place

LEDGER = "wallet-ledger"

Change = Callable[[dict[str, Any]], None]
"""Changes the `data` of an event in place."""

INSIDE = """
SELECT e.partition, e.position, e.stream, e.body FROM log.event e
JOIN log.counter c USING (partition)
WHERE e.type LIKE '%.' || $1 || '.v1' AND e.position BETWEEN 2 AND c.position - 1
ORDER BY e.partition, e.position LIMIT 1
"""
LINKS = """
SELECT first_position, count, recorded_at FROM log.link WHERE partition = $1
ORDER BY first_position
"""


class Where(NamedTuple):
    """What names a fault: the columns of a finding but its detail."""

    invariant: int
    service: str
    partition: int | None
    position: int | None
    stream: str | None

    @classmethod
    def of(cls, finding: Finding) -> "Where":
        """Return where a finding was seen."""
        return cls(
            finding.invariant, finding.service, finding.partition, finding.position, finding.stream
        )


async def inside(connection: asyncpg.Connection, kind: str) -> asyncpg.Record:
    """Return partition, position, stream and body of an event that others stand around."""
    row = await connection.fetchrow(INSIDE, kind)
    assert row is not None, f"no {kind} has events on both sides"
    return row


async def change_body(
    connection: asyncpg.Connection, event: asyncpg.Record, change: Change, *, chained: bool
) -> None:
    """Change what an event says; `chained` = make all links anew, as a forger with time would."""
    said = json.loads(event["body"])
    change(said["data"])
    await connection.execute(
        "UPDATE log.event SET body = $3 WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
        rfc8785.dumps(said),
    )
    if chained:
        await chain_again(connection, event["partition"])


async def chain_again(connection: asyncpg.Connection, partition: int) -> None:
    """Make the links of a partition fit its events."""
    previous = merkle.GENESIS
    for first, count, at in await connection.fetch(LINKS, partition):
        bodies = [event.body for event in await log.read(connection, partition, first - 1, count)]
        root = merkle.root(bodies)
        previous = merkle.link(previous, first, count, at, root)
        await connection.execute(
            "UPDATE log.link SET root = $3, link = $4 WHERE partition = $1 AND first_position = $2",
            partition,
            first,
            root,
            previous,
        )
    await connection.execute(
        "UPDATE log.counter SET link = $2 WHERE partition = $1", partition, previous
    )


async def append(
    connection: asyncpg.Connection, partition: int, stream: str, data: PublicEvent
) -> int:
    """Append an event in due form, with a kept answer; return its position."""
    version = await connection.fetchval(
        "SELECT max(version) + 1 FROM log.event WHERE partition = $1 AND stream = $2",
        partition,
        stream,
    )
    event_id, now = UUID(str(uuid7())), datetime.now(UTC)
    body = seal(
        data,
        source="wallet-ledger",
        event_id=event_id,
        stream=stream,
        version=version,
        time=now,
        cause=Cause("planted"),
    )
    head = (await log.heads(connection)).at(partition)
    place = str(Place.of({partition: head + 1}))
    answer = json.dumps({"event_id": str(event_id), "ledger_position": place}).encode()
    epoch = await connection.fetchval(
        "SELECT epoch FROM log.counter WHERE partition = $1", partition
    )
    appended = await log.append(
        connection,
        partition,
        [NewEvent(stream, version, name_of(data), event_id, body)],
        [Outcome("planted", str(event_id), b"", 201, answer)],
        epoch=epoch,
    )
    return appended.first_position
