"""How far a log is, and waking those who publish it: all at once, so that batches are large."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import asyncpg

from events import log
from events.failures import PASSING
from events.fresh import Fresh
from events.log import Appended, NewEvent
from events.place import Place
from events.topics import Topic

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
"""So often the log is looked at although whoever appends to it says so."""

LOOK_SECONDS = 0.1
"""The same, where another process is the writer of what is published here: it says nothing."""

GATHER_SECONDS = 0.04
"""While events come one after the other, so long lies between two looks at the log: a batch costs
what a hundred events cost, in a process that has payments to make. After a pause: at once."""

MANY_EVENTS = 50
GATHER_MANY_SECONDS = 0.15
"""So long after a look that found so many: then there is work enough for larger batches, here, at
the broker and at every reader, and whoever reads is behind by more than that anyway."""

NEWS_SECONDS = 1.0
RETRY_SECONDS = 0.5


class News:
    """The last position of each partition, as far as it is known, and who waits for a later one.

    `told(partition)`: whether whoever appends to it says so in this process.
    """

    def __init__(
        self, pool: asyncpg.Pool, topic: Topic, fresh: Fresh, told: Callable[[int], bool]
    ) -> None:
        self._pool = pool
        self._topic = topic
        self._fresh = fresh
        self._told = told
        self._poked = asyncio.Event()
        self._must_look = True
        self._heads: dict[int, int] = defaultdict(int)
        self._later = {p: asyncio.Event() for p in topic.log_partitions}

    def poke(self) -> None:
        """Say that something was appended, so that the log is looked at at once."""
        self._must_look = True
        self._poked.set()

    def appended(self, partition: int, what: Appended, events: Sequence[NewEvent]) -> None:
        """Say what was appended and is committed, so that nobody need look at the log."""
        if self._fresh.add(partition, what, events):
            self._poked.set()

    async def watch(self) -> None:
        """Wake those who wait, until cancelled."""
        clock = asyncio.get_running_loop().time
        look_at = 0.0
        while True:
            now = clock()
            news = self._take_note(self._fresh.ends())
            if self._must_look or now >= look_at:
                self._must_look = False
                try:
                    news += self._take_note((await self.heads()).positions)
                except PASSING as error:
                    logger.warning("log of %s not readable: %s", self._topic.name, error)
                    self._must_look = True
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                look_at = now + self._patience()
            if news:
                gather = GATHER_MANY_SECONDS if news >= MANY_EVENTS else GATHER_SECONDS
                await asyncio.sleep(max(0.0, now + gather - clock()))
            with suppress(TimeoutError):
                async with asyncio.timeout_at(look_at):
                    await self._poked.wait()
            self._poked.clear()

    def _patience(self) -> float:
        """Return after how many seconds the log is looked at, whatever was said."""
        return IDLE_SECONDS if all(map(self._told, self._fresh.listened())) else LOOK_SECONDS

    def _take_note(self, heads: Iterable[tuple[int, int]]) -> int:
        """Wake the partitions whose log went on; return by how many events, all together."""
        news = 0
        for partition, position in heads:
            if position > self._heads[partition]:
                news += position - self._heads[partition]
                self._heads[partition] = position
                self._later[partition].set()
        return news

    async def heads(self) -> Place:
        """Return the last position of every partition, by the log itself."""
        async with self._pool.acquire() as connection:
            return await log.heads(connection, self._topic.first_partition)

    async def look(self, partition: int) -> int:
        """Return the last position of `partition`, by the log itself."""
        head = (await self.heads()).at(partition)
        self._take_note([(partition, head)])
        return head

    def is_after(self, partition: int, position: int) -> bool:
        """Tell whether the log is known to go on after `position`."""
        return position < self._heads[partition]

    async def wait(self, partition: int, position: int) -> None:
        """Wait until the log goes on after `position`, or NEWS_SECONDS."""
        if self.is_after(partition, position):
            return
        self._later[partition].clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(NEWS_SECONDS):
                await self._later[partition].wait()
