"""Work beside the requests: what ends by itself ends the process, however it ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from events import background

Work = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the process was ended, instead of ending it."""
    seen: list[bool] = []
    monkeypatch.setattr(background, "end_process", lambda: seen.append(True))
    return seen


async def fails() -> None:
    raise RuntimeError("by itself")


async def is_cancelled_from_within() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("work", [fails, is_cancelled_from_within])
async def test_work_that_ends_by_itself_ends_the_process(ended: list[bool], work: Work) -> None:
    task = background.start(work(), "work")
    await asyncio.wait({task})
    await asyncio.sleep(0)

    assert ended == [True]


async def test_work_that_is_stopped_does_not(ended: list[bool]) -> None:
    task = background.start(asyncio.sleep(60), "work")
    await asyncio.sleep(0)

    await background.stop(task)

    assert ended == []


@pytest.mark.parametrize("work", [fails, is_cancelled_from_within])
async def test_whatever_closing_a_client_raises_stays_there(work: Work) -> None:
    await background.settle(work(), 1.0)


async def test_closing_a_client_is_bounded() -> None:
    async with asyncio.timeout(1):
        await background.settle(asyncio.sleep(60), 0.05)
