"""Wrong passwords are counted, by account and by address; right ones never are."""

import hashlib
import math
import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from web.problems import Problem

RETRY_SECONDS_MIN: Final = 1


class Attempts:
    """Failures within a moving window, in the memory of this process."""

    def __init__(self, *, per_account: int, per_address: int, window_seconds: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._account = RateLimitItemPerSecond(per_account, window_seconds, namespace="account")
        self._address = RateLimitItemPerSecond(per_address, window_seconds, namespace="address")

    async def check(self, username: str, address: str) -> None:
        """Raise Problem 429 with Retry-After (seconds) while there were too many failures."""
        for limit, key in self._counters(username, address):
            if not await self._limiter.test(limit, key):
                window = await self._limiter.get_window_stats(limit, key)
                seconds = max(RETRY_SECONDS_MIN, math.ceil(window.reset_time - time.time()))
                raise Problem("too-many-attempts", headers={"retry-after": str(seconds)})

    async def failed(self, username: str, address: str) -> None:
        """Count one failure."""
        for limit, key in self._counters(username, address):
            await self._limiter.hit(limit, key)

    def _counters(self, username: str, address: str) -> list[tuple[RateLimitItem, str]]:
        # Hashed: what a client sends as its name, however long, takes the same few bytes.
        account = hashlib.sha256(username.encode()).hexdigest()
        return [(self._account, account), (self._address, address)]
