import asyncio
from collections.abc import Sequence

import pytest

from events import places
from events.dead_letters import list_all
from events.log import Connection
from events.received import Received
from events.sending import producer
from events.testing import Rig, see

pytestmark = pytest.mark.usefixtures("short_waits")


async def test_effects_come_in_order_and_once_over_restarts(rig: Rig) -> None:
    rig.start_relay()
    for partition in range(4):
        await rig.append(partition, 700, f"s{partition}")
    first = rig.start_consumer()
    await rig.until_seen(3, range(1, 701))
    await rig.stop(first)

    for partition in range(4):
        await rig.append(partition, 50, f"s{partition}")
    rig.start_consumer()

    for partition in range(4):
        await rig.until_seen(partition, range(1, 751))
    place = await rig.place(2)
    assert (place.position, place.kafka_offset, place.stopped) == (750, 750, None)


async def test_a_duplicate_is_a_no_op_for_ever(rig: Rig) -> None:
    await rig.write_by_hand(0, 1, 2, 1, 2, 3, 3)
    rig.start_consumer()
    await rig.until_seen(0, [1, 2, 3])

    await rig.write_by_hand(0, 2, 3, 4)

    await rig.until_seen(0, [1, 2, 3, 4])


async def test_a_rebuild_is_noticed_although_nothing_new_comes(rig: Rig) -> None:
    await rig.write_by_hand(0, 1, 2, 3)
    rig.start_consumer()
    await rig.until_seen(0, [1, 2, 3])

    async with rig.pool.acquire() as connection, connection.transaction():
        await places.rewind(connection)
        await connection.execute("DELETE FROM view.seen")
    assert (await rig.place()).rebuilding

    await rig.until_seen(0, [1, 2, 3])
    assert not (await rig.place()).rebuilding


async def test_a_message_of_a_stranger_is_kept_once_and_blocks_nothing(rig: Rig) -> None:
    await rig.write_by_hand(0, 1)
    async with producer(rig.kafka) as through:
        batch = through.create_batch()
        for headers in ([], [("position", b"one")], [("position", b"9" * 19)]):
            batch.append(timestamp=0, key=b"\0\xff", value=b"?\0", headers=headers)
        batch.close()
        await (await through.send_batch(batch, rig.topic.name, partition=0))
    await rig.write_by_hand(0, 2)

    first = rig.start_consumer()
    await rig.until_seen(0, [1, 2])
    await rig.stop(first)
    async with rig.pool.acquire() as connection:
        await places.rewind(connection)  # read again: two of three letters are known then
        await connection.execute("DELETE FROM view.seen")
    rig.start_consumer()
    await rig.until_seen(0, [1, 2])

    async with rig.pool.acquire() as connection:
        letters = await list_all(connection)
    assert [(x.kafka_offset, x.position, x.state) for x in letters] == [
        (1, None, "dead"),
        (2, None, "dead"),
        (3, None, "dead"),
    ]
    assert letters[0].body == b"?\0"


async def test_of_two_consumers_one_consumes_and_the_other_takes_over(rig: Rig) -> None:
    rig.start_relay()
    await rig.append(0, 5)
    tasks = [rig.start_consumer(), rig.start_consumer()]
    await rig.until_seen(0, range(1, 6))

    for task in tasks:
        await rig.stop(task)
        await rig.append(0, 5)
        rig.start_consumer()
    await rig.until_seen(0, range(1, 16))


async def test_two_consumers_that_both_believe_they_own_it_double_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(*_: object) -> int:
        return 1

    def holds(*_: object) -> bool:
        return True

    monkeypatch.setattr("events.leases.Leases.take", take)
    monkeypatch.setattr("events.leases.Leases.holds", holds)

    async def slowly(connection: Connection, events: Sequence[Received]) -> None:
        await asyncio.sleep(0.005)
        await see(connection, events)

    rig.start_relay()
    rig.start_consumer(slowly)
    rig.start_consumer(slowly)

    for _ in range(30):
        await rig.append(0, 3)
        await asyncio.sleep(0.02)

    await rig.until_seen(0, range(1, 91))


async def test_a_database_that_goes_away_costs_no_message(rig: Rig) -> None:
    failures = iter([OSError("gone"), ConnectionResetError(), TimeoutError(), None])

    async def project(connection: Connection, events: Sequence[Received]) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        await see(connection, events)

    await rig.write_by_hand(0, 1, 2)
    rig.start_consumer(project)

    await rig.until_seen(0, [1, 2])
    async with rig.pool.acquire() as connection:
        assert await list_all(connection) == []
