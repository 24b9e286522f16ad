import asyncio

import pytest

from events import client
from events.client import start


class SlowClient:
    """A client whose start takes a while, and tells how it ended."""

    def __init__(self, seconds: float, failure: Exception | None = None) -> None:
        self.seconds = seconds
        self.failure = failure
        self.ended = "never"

    async def start(self) -> None:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "started"
        if self.failure is not None:
            raise self.failure


async def test_a_cancelled_start_is_finished_first() -> None:
    slow = SlowClient(0.2)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await start(slow)

    assert slow.ended == "started"


async def test_a_failure_after_the_cancellation_is_no_news() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await start(SlowClient(0.1, OSError("gone")))


async def test_a_start_that_never_ends_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "START_SECONDS_MORE", 0.1)
    stuck = SlowClient(60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await start(stuck)
    await asyncio.sleep(0)

    assert stuck.ended == "cancelled"


async def test_a_start_that_fails_says_so() -> None:
    with pytest.raises(OSError, match="gone"):
        await start(SlowClient(0, OSError("gone")))
