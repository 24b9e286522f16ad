"""How often the relay looks at its log: the more there is, the larger the batches. No broker."""

import asyncio
from typing import Any, cast

import pytest

from events.fresh import Fresh
from events.news import MANY_EVENTS, News
from events.place import Place
from events.topics import WALLET

WATCHED_SECONDS = 0.8


async def looks(monkeypatch: pytest.MonkeyPatch, events_each_look: int) -> int:
    """Count the looks of a relay whose log goes on by `events_each_look` between two of them."""
    news = News(cast("Any", None), WALLET, Fresh(), lambda _: True)
    counted = 0

    async def heads() -> Place:
        nonlocal counted
        counted += 1
        news.poke()
        return Place.of([(0, counted * events_each_look)])

    monkeypatch.setattr(news, "heads", heads)
    watching = asyncio.create_task(news.watch())
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
