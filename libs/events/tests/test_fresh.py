"""What a process appended, kept for its own relay: by position, never by guess."""

from datetime import UTC, datetime

import asyncpg
import pytest

from events import fresh, log
from events.fresh import Fresh
from events.log import Appended
from events.sending import headers
from events.testing import an_event

AT = datetime(2026, 11, 26, 12, 0, 0, 123_457, tzinfo=UTC)


def told(memory: Fresh, first: int, count: int) -> bool:
    events = [an_event("member", first + n) for n in range(count)]
    return memory.add(0, Appended(first, AT), events)


def positions(memory: Fresh, after: int, limit: int = 100) -> list[int]:
    return [event.position for event in memory.after(0, after, limit)]


@pytest.fixture
def memory() -> Fresh:
    made = Fresh()
    made.listen(0)
    return made


def test_what_follows_is_handed_over_as_often_as_it_is_asked_for(memory: Fresh) -> None:
    told(memory, 8, 3)
    told(memory, 11, 2)

    assert positions(memory, 7) == [8, 9, 10, 11, 12]
    assert positions(memory, 7, limit=2) == [8, 9]
    assert positions(memory, 9) == [10, 11, 12]
    assert positions(memory, 12) == []


def test_what_does_not_go_on_where_the_topic_ends_must_be_read(memory: Fresh) -> None:
    told(memory, 8, 3)

    assert positions(memory, 6) == []
    assert positions(memory, 7) == [8, 9, 10]


def test_an_append_that_does_not_follow_begins_the_memory_anew(memory: Fresh) -> None:
    told(memory, 1, 3)
    told(memory, 6, 2)  # 4 and 5 are another writer's

    assert positions(memory, 0) == []
    assert positions(memory, 5) == [6, 7]


def test_what_was_handed_over_and_went_well_is_forgotten(memory: Fresh) -> None:
    told(memory, 1, 3)
    assert positions(memory, 2) == [3]

    assert positions(memory, 0) == []


@pytest.mark.parametrize(("limit", "value"), [("EVENTS_MAX", 4), ("BYTES_MAX", 2_500)])
def test_it_is_bounded_and_forgets_the_oldest(
    memory: Fresh, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(fresh, limit, value)
    told(memory, 1, 10)

    assert positions(memory, 0) == []
    assert positions(memory, 6) == [7, 8, 9, 10]


def test_nothing_is_kept_that_nobody_listens_to(memory: Fresh) -> None:
    told(memory, 1, 2)
    memory.ignore(0)

    assert not told(memory, 3, 1)
    memory.listen(0)
    assert memory.ends() == []
    assert memory.listened() == [0]


async def test_it_hands_over_byte_for_byte_what_the_log_gives(
    memory: Fresh, pool: asyncpg.Pool
) -> None:
    async with pool.acquire() as connection:
        for first in (1, 3, 4):
            events = [an_event("member", first + n) for n in range(2 if first == 1 else 1)]
            memory.add(0, await log.append(connection, 0, events), events)
        recorded = await log.read(connection, 0, 0)

    remembered = memory.after(0, 0, 100)
    assert remembered == recorded
    assert [headers(event) for event in remembered] == [headers(event) for event in recorded]
