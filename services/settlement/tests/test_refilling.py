"""Views made anew beside the old ones: the same to the byte, and never half of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import asyncpg
import pytest

from events import places
from events.carried import carried
from events.contracts.identity import MemberConsentChanged
from events.envelope import Opened
from events.place import Place
from events.received import Received
from events.source import Read, Source
from events.topics import CATALOG, WALLET
from kembalian.testing.databases import MakeDatabase
from settlement.config import MIGRATIONS
from settlement.operations import export, rebuild_from
from settlement.refilling import refill
from settlement.store import HOLD_VIEWS
from settlement.testing.feeding import feed
from settlement.testing.ledger import START, SUSILA, Ledger
from settlement.testing.publishing import recorded


class InMemory:
    """The events of wallets as a log would give them."""

    name = "memory"

    def __init__(self, events: Sequence[Received]) -> None:
        self.events = [event for event in events if event.topic == WALLET.name]

    async def batches(
        self, partition: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield three at a time."""
        reads = [
            Read(e.position, e.envelope.stream, e.recorded_at, recorded(e).body)
            for e in self.events
            if e.partition == partition and after < e.position <= until
        ]
        for first in range(0, len(reads), 3):
            yield reads[first : first + 3]


def source(events: Sequence[Received]) -> Source:
    return cast("Source", InMemory(events))


@pytest.fixture(scope="session")
def session_admin_dsn(make_database: MakeDatabase) -> str:
    return make_database("settlement", MIGRATIONS).admin_dsn


@pytest.fixture
def session_dsn(session_admin_dsn: str) -> str:
    """The tests of this file connect as the superuser that the command connects as."""
    return session_admin_dsn


async def lines(dsn: str) -> list[str]:
    return [line async for line in export(dsn)]


def nothing(_done: int, _total: int) -> None:
    """Say nothing of the progress."""


SHAPE = (
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'view'",
    """
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'view'::regnamespace
    """,
    """
    SELECT relname || ' ' || pg_get_userbyid(relowner) || ' ' || relacl::text
    FROM pg_class WHERE relnamespace = 'view'::regnamespace AND relkind = 'r'
    """,
)


async def shape(connection: asyncpg.Connection) -> list[str]:
    """Return the indexes, constraints, owners and rights of all views."""
    return sorted([row[0] for query in SHAPE for row in await connection.fetch(query)])


async def place_of(connection: asyncpg.Connection, event: Received) -> places.ConsumerPlace:
    known = await places.load(connection)
    [place] = [p for p in known if (p.topic, p.partition) == (event.topic, event.partition)]
    return place


class Carrying(InMemory):
    """The same, its moments unopened, as `kembalian rebuild` lets the log give them."""

    async def batches(
        self, partition: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield three at a time."""
        async for reads in super().batches(partition, after, until):
            yield [r._replace(recorded_at=cast("Any", carried(r.recorded_at))) for r in reads]


@pytest.mark.parametrize("given", [InMemory, Carrying])
async def test_spoilt_views_are_made_anew_to_the_byte(
    connection: asyncpg.Connection, dsn: str, whole: Ledger, given: type[InMemory]
) -> None:
    before, shaped = await lines(dsn), await shape(connection)
    await connection.execute("UPDATE view.total SET issued = issued + 1")
    await connection.execute("DELETE FROM view.entry WHERE position = 2")

    events = cast("Source", given(whole.events))
    rebuilding = asyncio.create_task(rebuild_from(dsn, events, nothing))
    await until_the_stores_are_due(connection)
    await feed(connection, [e for e in whole.events if e.topic == CATALOG.name])
    await rebuilding

    assert await lines(dsn) == before
    assert await shape(connection) == shaped


async def until_the_stores_are_due(connection: asyncpg.Connection) -> None:
    """Wait for what the running service does then: it reads the stores again."""
    async with asyncio.timeout(60):
        while not any(p.rebuilding for p in await places.load(connection)):
            await asyncio.sleep(0.01)


async def test_whoever_has_looked_sees_the_old_views_to_the_end(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    count = "SELECT count(*) FROM view.entry"
    await connection.execute("DELETE FROM view.entry WHERE position > 2")
    reader = await asyncpg.connect(dsn)

    async with reader.transaction(isolation="repeatable_read", readonly=True):
        await reader.execute(HOLD_VIEWS)
        before = await reader.fetchval(count)
        refilling = asyncio.create_task(refill(dsn, source(whole.events), Place(()), nothing))
        await asyncio.wait([refilling], timeout=0.5)
        assert await reader.fetchval(count) == before
    await refilling

    assert await reader.fetchval(count) > before
    await reader.close()


async def test_a_discarded_event_stays_left_out(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    last = whole.events[-1]
    await connection.execute(
        "INSERT INTO log.dead_letter (topic, partition, position, kafka_offset, stream, state,"
        " reason, body) VALUES ($1, $2, $3, 0, $4, 'discarded', 'a test', '')",
        *(last.topic, last.partition, last.position, SUSILA),
    )

    await refill(dsn, source(whole.events), Place(()), nothing)

    query = "SELECT count(*) FROM view.entry WHERE partition = $1 AND position = $2"
    assert await connection.fetchval(query, last.partition, last.position) == 0
    assert (await place_of(connection, last)).position == last.position


class MeetsALetter(InMemory):
    """While it is folded, the consumer reads of the stores again and cannot handle one."""

    connection: asyncpg.Connection

    async def batches(
        self, partition: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield the same, once the stores are due and a letter is there."""
        assert [p.topic for p in await places.load(self.connection) if p.rebuilding] == [
            CATALOG.name
        ]
        await self.connection.execute(
            "INSERT INTO log.dead_letter (topic, partition, position, kafka_offset, stream, state,"
            " reason, body) VALUES ($1, 0, 1, 0, 'kantin', 'dead', 'a test', '')"
            " ON CONFLICT DO NOTHING",
            CATALOG.name,
        )
        async for reads in super().batches(partition, after, until):
            yield reads


async def test_a_letter_of_the_stores_that_comes_meanwhile_is_kept(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    letters = MeetsALetter(whole.events)
    letters.connection = connection

    await refill(dsn, cast("Source", letters), Place(()), nothing)

    assert await connection.fetchval("SELECT topic FROM log.dead_letter") == CATALOG.name


async def test_what_cannot_be_handled_is_left_to_the_consumer(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    last = whole.events[-1]
    data = MemberConsentChanged(member_id=SUSILA, auto_save_consent=True)
    name = "kembalian.identity.MemberConsentChanged.v1"
    envelope = Opened(last.envelope.event_id, name, SUSILA, 9, last.envelope.time, data)
    strange = Received(WALLET.name, last.partition, last.position, START, envelope)

    await refill(dsn, source([*whole.events[:-1], strange]), Place(()), nothing)

    place = await place_of(connection, last)
    assert (place.position, place.rebuild_until) == (last.position - 1, last.position)
    assert place.rebuilding


async def test_views_that_are_ahead_of_the_fold_are_caught_up_with(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    await refill(dsn, source(whole.events), whole.place, nothing)

    await feed(connection, [whole.save(SUSILA, "kantin", 100)])
    assert (await place_of(connection, whole.events[-1])).position == whole.events[-1].position
