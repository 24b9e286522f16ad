"""The checks of `kembalian verify`: each yields findings; together invariants 1-5 and 7-10."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import asyncpg

import catalog.checking
import identity.checking
import wallet_ledger.checking
from events.audit import Finding, audit_partition
from events.audit_topic import audit_topic
from events.parallel import processes_for, spread
from events.place import Place
from events.topics import Kafka
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import database, events_of, size
from kembalian.operators.services import SERVICES
from kembalian.operators.settled import check_settled
from kembalian.operators.speaking import Tell


async def check_log(run: LiveRun, service: str, tell: Tell) -> AsyncGenerator[Finding]:
    """Check density, versions and chain of a log (9); of the ledger's also 1-4, 7 and 8."""
    if service == "wallet-ledger":
        async for finding in wallet_ledger.checking.check(run.postgres[service], tell):
            yield finding
        return
    async with (
        database(run, service) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for partition in range(SERVICES[service].topic.partitions):
            async for found in audit_partition(connection, service, partition):
                if isinstance(found, Finding):
                    yield found
                else:
                    tell(found, found)


@dataclass(frozen=True, slots=True)
class TopicPart:
    """One partition of a topic, held against its log: an item of work for another process."""

    dsn: str
    kafka: Kafka
    service: str
    partition: int
    head: int


async def check_topic(
    run: LiveRun, service: str, head: Place, tell: Tell
) -> AsyncGenerator[Finding]:
    """Check that a topic holds its log: same bytes, same order (10)."""
    parts = [
        TopicPart(run.postgres[service], run.broker, service, partition, position)
        for partition, position in head.positions
    ]
    done, total = 0, size(head)
    async for found in spread(check_topic_part, parts, processes_for(total)):
        if isinstance(found, Finding):
            yield found
        else:
            done += found
            tell(done, total)


async def check_topic_part(part: TopicPart) -> AsyncGenerator[Finding | int]:
    """Yield what is wrong with one partition, at the end the position reached."""
    topic = SERVICES[part.service].topic
    connection = await asyncpg.connect(part.dsn, timeout=10)
    try:
        async for found in audit_topic(
            connection, part.kafka, part.service, topic, part.partition, part.head
        ):
            yield found
    finally:
        await connection.close()


async def check_views(
    run: LiveRun, service: str, tell: Tell = lambda _done, _total: None
) -> AsyncGenerator[Finding]:
    """Check that the views of a service are the fold of what it read, up to its place (7)."""
    dsn = run.postgres[service]
    match service:
        case "identity":
            async for finding in identity.checking.check(dsn):
                yield finding
        case "catalog":
            async for finding in catalog.checking.check(dsn):
                yield finding
        case "wallet-ledger":
            members, stores = events_of(run, "identity"), events_of(run, "catalog")
            async for finding in wallet_ledger.checking.check_directory(dsn, members, stores):
                yield finding
        case _:
            async for finding in check_settled(run, tell):
                yield finding
