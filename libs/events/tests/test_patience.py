"""How long a fetch may take: more where there is more, and no longer where there is nothing."""

from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest

from events.patience import Patience

LOOK_MS = 8


class Answer:
    """What a broker answers to a fetch of one partition, which ends at `end`."""

    def __init__(self, end: int) -> None:
        self.topics = [("topic", [(0, 0, end, b"")])]


class SlowBroker:
    """Goes through a partition for all the time that it is given, up to `needed_ms`."""

    def __init__(self, end: int, needed_ms: int) -> None:
        self.end = end
        self.needed_ms = needed_ms
        self.given_ms: list[int] = []
        self.seconds = 0.0

    async def send(self, node_id: int, request: FetchRequest) -> Answer:
        del node_id
        given = vars(request)["_max_wait_ms"]
        self.given_ms.append(given)
        self.seconds += min(given, self.needed_ms) / 1_000
        return Answer(self.end)


def a_fetch(offset: int) -> Any:
    return FetchRequest(LOOK_MS, 1, 1_000, 0, [("topic", [(0, offset, 1_000)])])


async def test_a_fetch_that_took_all_its_time_is_given_more_until_it_is_enough() -> None:
    broker = SlowBroker(end=10, needed_ms=90)
    patience = Patience(broker.send, LOOK_MS, lambda: broker.seconds)

    for _ in range(5):
        await patience.send(0, a_fetch(4))

    assert broker.given_ms == [LOOK_MS, LOOK_MS, 4 * LOOK_MS, 16 * LOOK_MS, 16 * LOOK_MS]


async def test_a_fetch_at_the_end_of_its_partitions_is_never_held_longer() -> None:
    broker = SlowBroker(end=10, needed_ms=90)
    patience = Patience(broker.send, LOOK_MS, lambda: broker.seconds)

    for offset in (4, 4, 4, 10, 10, 4):
        await patience.send(0, a_fetch(offset))

    assert broker.given_ms == [LOOK_MS, LOOK_MS, 4 * LOOK_MS, LOOK_MS, LOOK_MS, 16 * LOOK_MS]


async def test_no_fetch_is_given_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.patience.LOOK_MS_MAX", 20)
    broker = SlowBroker(end=10, needed_ms=90)
    patience = Patience(broker.send, LOOK_MS, lambda: broker.seconds)

    for _ in range(4):
        await patience.send(0, a_fetch(4))

    assert broker.given_ms == [LOOK_MS, LOOK_MS, 20, 20]


async def test_what_is_no_fetch_goes_through_as_it_is() -> None:
    seen: list[tuple[int, object, object]] = []

    async def send(node_id: int, request: object, *, group: object) -> str:
        seen.append((node_id, request, group))
        return "answered"

    answer = await Patience(send, LOOK_MS).send(3, "metadata?", group="default")

    assert (answer, seen) == ("answered", [(3, "metadata?", "default")])
