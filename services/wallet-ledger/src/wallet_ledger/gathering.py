"""Many look-ups, one statement: what is asked for while one is under way goes with the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Found = TypeVar("Found")

AT_ONCE_MAX = 1_000


class Gathering(Generic[Found]):
    """Looks keys up by `read`, one call at a time, each for all who wait."""

    def __init__(self, read: Callable[[Sequence[str]], Awaitable[Mapping[str, Found]]]) -> None:
        self._read = read
        self._waiting: dict[str, asyncio.Future[Found | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: str) -> Found | None:
        """Return what `read` finds under `key`. Raises what `read` raises."""
        return await asyncio.shield(self.begin(key))  # several may wait for it

    def begin(self, key: str) -> "asyncio.Future[Found | None]":
        """Return what `get` will; others may wait for it, too: it must not be cancelled."""
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all(), name="look-ups")
        return waiting

    async def _read_all(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:AT_ONCE_MAX]
            asked = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await self._read(keys)
            except Exception as error:  # noqa: BLE001 - each who waits is told
                for waiting in asked.values():
                    waiting.set_exception(error)
                    waiting.exception()  # seen, also where nobody waits any more
            else:
                for key, waiting in asked.items():
                    waiting.set_result(found.get(key))
        self._reading = None
