import pytest

from events import consumer, places, progress
from events.testing import Rig, until

pytestmark = pytest.mark.usefixtures("short_waits")


async def until_stopped(rig: Rig) -> None:
    async def stopped() -> bool:
        return (await rig.place()).stopped is not None

    await until(stopped, "a partition that says why it stopped")


async def test_a_gap_that_is_filled_later_with_all_that_follows_is_no_trouble(rig: Rig) -> None:
    await rig.write_by_hand(0, 1, 2, 5, 6, 3, 4, 5, 6, 7)

    rig.start_consumer()

    await rig.until_seen(0, range(1, 8))


async def test_a_gap_is_never_skipped_but_stops_its_partition_and_says_so(rig: Rig) -> None:
    await rig.write_by_hand(0, 1, 2, 4, 5)
    await rig.write_by_hand(1, 1, stream="other")
    rig.start_consumer()
    await until_stopped(rig)
    assert await rig.seen(0) == [1, 2]
    assert (await rig.place(1)).stopped is None
    assert "what follows position 2" in str((await rig.place()).stopped)

    await rig.write_by_hand(1, 2, stream="other")
    await rig.until_seen(1, [1, 2])
    await rig.write_by_hand(0, 3)

    await rig.until_seen(0, [1, 2, 3, 4, 5])
    assert (await rig.place()).stopped is None


async def test_what_comes_after_a_stop_heals_it_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_SECONDS", 600.0)
    await rig.write_by_hand(0, 1, 3)
    rig.start_consumer()
    await until_stopped(rig)

    await rig.write_by_hand(0, 2, 3)
    await rig.until_seen(0, [1, 2, 3])

    await rig.write_by_hand(0, 5)
    await until_stopped(rig)
    assert (await rig.place()).position == 3


async def test_an_offset_out_of_range_is_read_from_the_beginning(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOOK_SECONDS", 600.0)  # at once, not by the watchdog
    await rig.write_by_hand(0, 1, 2, 3)
    async with rig.pool.acquire() as connection:
        await places.make(connection, [rig.topic])
        await places.move(connection, rig.topic.name, 0, before=0, after=1, offset=77)

    rig.start_consumer()

    await rig.until_seen(0, [2, 3])


async def test_a_hint_that_lies_too_far_ahead_skips_nothing(rig: Rig) -> None:
    await rig.write_by_hand(0, 1, 2, 3, 4)
    async with rig.pool.acquire() as connection:
        await places.make(connection, [rig.topic])
        await places.move(connection, rig.topic.name, 0, before=0, after=1, offset=3)

    rig.start_consumer()

    await rig.until_seen(0, [2, 3, 4])


async def test_a_topic_refilled_to_just_where_we_stand_is_read_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.3)
    await rig.write_by_hand(0, 1, 2, 3, 4)
    async with rig.pool.acquire() as connection:
        await places.make(connection, [rig.topic])
        await places.move(connection, rig.topic.name, 0, before=0, after=1, offset=4)

    rig.start_consumer()

    await rig.until_seen(0, [2, 3, 4])
