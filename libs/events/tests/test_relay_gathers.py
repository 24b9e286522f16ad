"""How often the relay looks at its log: the more there is, the larger the batches. No broker."""

import asyncio
from typing import Any, cast

import pytest

from events.place import Place
from events.relay import MANY_EVENTS, Relay
from events.topics import WALLET, Kafka

WATCHED_SECONDS = 0.8


async def looks(monkeypatch: pytest.MonkeyPatch, events_each_look: int) -> int:
    """Count the looks of a relay whose log goes on by `events_each_look` between two of them."""
    relay = Relay(cast("Any", None), WALLET, Kafka("127.0.0.1:1"), cast("Any", None))
    counted = 0

    async def log_heads() -> Place:
        nonlocal counted
        counted += 1
        relay.poke()
        return Place.of([(0, counted * events_each_look)])

    monkeypatch.setattr(relay, "_log_heads", log_heads)
    watching = asyncio.create_task(relay._watch_log())  # pyright: ignore[reportPrivateUsage]
    await asyncio.sleep(WATCHED_SECONDS)
    watching.cancel()
    return counted


async def test_under_load_it_looks_less_often_and_finds_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one_by_one = await looks(monkeypatch, 1)
    many = await looks(monkeypatch, MANY_EVENTS)

    assert many >= 2
    assert one_by_one > many
    assert many <= 1 + WATCHED_SECONDS / 0.15
