import asyncio

import pytest

from events import leases, log, news
from events.envelope import CONTENT_TYPE
from events.leases import Leases
from events.log import RecordedEvent
from events.merkle import microseconds
from events.reading import tail
from events.relay import Relay
from events.testing import Rig
from events.topics import TopicMismatch


async def test_a_topic_holds_what_the_log_holds(rig: Rig) -> None:
    await rig.append(0, 3, "a")
    await rig.append(2, 1, "b")
    rig.start_relay()
    await rig.until_published(0, 3)
    await rig.append(0, 2, "a")

    await rig.until_published(0, 5)
    await rig.until_published(2, 1)

    async with rig.pool.acquire() as connection:
        for partition in range(rig.topic.partitions):
            facts = await log.read(connection, partition, 0)
            records = await rig.records(partition)
            assert [record.value for record in records] == [fact.body for fact in facts]
            for record, fact in zip(records, facts, strict=True):
                assert record.key == fact.stream.encode()
                assert record.timestamp == microseconds(fact.recorded_at) // 1_000
                assert dict(record.headers) == {
                    "content-type": CONTENT_TYPE,
                    "ce_id": str(fact.event_id).encode(),
                    "ce_type": fact.type.encode(),
                    "position": str(fact.position).encode(),
                    "recorded_at": str(microseconds(fact.recorded_at)).encode(),
                }


async def test_a_relay_goes_on_where_the_last_one_stopped(rig: Rig) -> None:
    await rig.append(0, 2_500)
    first = rig.start_relay()
    await rig.until_published(0, 1_000)
    await rig.stop(first)

    await rig.append(0, 500)
    rig.start_relay()
    await rig.until_published(0, 3_000)

    assert await rig.positions(0) == list(range(1, 3_001))


async def test_a_poke_publishes_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "IDLE_SECONDS", 60)
    monkeypatch.setattr(news, "NEWS_SECONDS", 60)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 60.0)  # nobody keeps it here
    poked = Relay(rig.pool, rig.topic, rig.kafka, Leases(rig.pool, "test"))
    await rig.append(0, 1)
    rig.start(poked.run())
    await rig.until_published(0, 1)

    await rig.append(0, 1)
    await asyncio.sleep(0.5)
    assert len(await rig.records(0)) == 1
    poked.poke()

    await rig.until_published(0, 2)


class Paused(Relay):
    """A relay whose process stands still after it has read, until `wake` is set."""

    def __init__(self, rig: Rig, leases: Leases) -> None:
        super().__init__(rig.pool, rig.topic, rig.kafka, leases)
        self.read = asyncio.Event()
        self.wake = asyncio.Event()

    async def _send(self, partition: int, events: list[RecordedEvent]) -> int:
        self.read.set()
        await self.wake.wait()
        return await super()._send(partition, events)


async def test_a_relay_that_wakes_up_after_its_lease_was_taken_doubles_no_effect(
    rig: Rig,
) -> None:
    await rig.append(0, 10)
    paused = Paused(rig, Leases(rig.pool, "paused"))  # its leases are not kept: it stands still
    rig.start(paused.run())
    await paused.read.wait()
    other = rig.start_relay()
    await rig.until_published(0, 10)
    await rig.append(0, 5)
    await rig.until_published(0, 15)

    paused.wake.set()
    await rig.until_published(0, 25)
    await rig.stop(other)
    await rig.append(0, 2)
    rig.start_relay()
    rig.start_consumer()

    await rig.until_seen(0, range(1, 18))
    assert await rig.positions(0) == [*range(1, 16), *range(1, 11), 16, 17]


async def test_a_database_that_is_older_than_its_topic_is_refused(rig: Rig) -> None:
    await rig.append(3, 1)
    await rig.write_by_hand(3, 1, 2)

    with pytest.raises(TopicMismatch, match="the database is older than the topic"):
        await rig.start_relay()


async def test_a_hole_in_a_topic_is_filled_by_the_next_relay(rig: Rig) -> None:
    await rig.append(0, 6)
    await rig.write_by_hand(0, 1, 2, 5, 6)
    assert (await tail(rig.kafka, rig.topic.name, 0)).position == 2

    rig.start_relay()
    await rig.until_published(0, 8)

    assert await rig.positions(0) == [1, 2, 5, 6, 3, 4, 5, 6]


async def test_a_relay_whose_lease_is_gone_lets_another_go_on(rig: Rig) -> None:
    first, second = rig.start_relay(), rig.start_relay()
    await rig.append(0, 5)
    await rig.until_published(0, 5)

    await rig.stop(first)
    await rig.append(0, 5)
    await rig.until_published(0, 10)
    await rig.stop(second)

    assert await rig.positions(0) == list(range(1, 11))


CUT_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


async def test_a_lost_database_connection_ends_nothing(rig: Rig) -> None:
    await rig.append(0, 1)
    running = rig.start_relay()
    await rig.until_published(0, 1)
    await rig.pool.execute(CUT_CONNECTIONS)

    await rig.append(0, 1)
    await rig.until_published(0, 2)
    assert not running.done()
