import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from events.reading import tail
from events.testing import Rig, until
from events.topics import ensure


async def delete_topic(rig: Rig) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([rig.topic.name])
    await admin.close()


async def test_a_topic_that_was_deleted_while_running_is_refilled(rig: Rig) -> None:
    await rig.append(0, 30, "a")
    await rig.append(1, 3, "b")
    rig.start_relay()
    rig.start_consumer()
    await rig.until_seen(0, range(1, 31))
    await rig.until_seen(1, range(1, 4))

    await delete_topic(rig)
    await rig.append(1, 1, "b")

    await rig.until_seen(1, range(1, 5))
    await rig.until_published(0, 30)
    await rig.append(0, 1, "a")
    await rig.until_seen(0, range(1, 32))
    found = await tail(rig.kafka, rig.topic.name, 0)
    assert found.position == 31
    assert sorted(set(await rig.positions(0))) == list(range(1, 32))


async def test_a_topic_that_another_made_anew_is_noticed_by_its_offsets(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.topic_guard.GUARD_SECONDS", 600.0)  # looks once, then no more
    await rig.append(0, 30)
    rig.start_relay()
    await rig.until_published(0, 30)

    async def made_anew() -> bool:
        try:
            return await ensure(rig.kafka, rig.topic)
        except KafkaError:
            return False

    await delete_topic(rig)
    await until(made_anew, "the topic")
    await rig.append(0, 1)
    await rig.until_published(0, 31)

    assert set(await rig.positions(0)) == set(range(1, 32))
