"""How a consumer stands in each topic partition, and the watch over a client that went silent."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from aiokafka import TopicPartition

from events.background import end_process
from events.client import Record, TopicReader
from events.reading import (
    NoPosition,
    end_offsets,
    judge,
    last_record,
    position_of,
    reader,
)
from events.topics import Kafka

logger = logging.getLogger(__name__)

STALLED_SECONDS = 30.0
LOOK_SECONDS = 10.0


@dataclass(slots=True)
class Reading:
    """Where we are in one topic partition: last handled position, and what is known of gaps.

    `taken` is the last position that is handled or on its way.
    """

    position: int
    taken: int = -1
    highest: int = 0
    rewound: bool = False
    stopped_at: float | None = None
    strangers: set[int] = field(default_factory=set[int])

    def __post_init__(self) -> None:
        """Nothing is on its way yet."""
        self.taken = max(self.taken, self.position)

    @property
    def gap(self) -> bool:
        """True when a later message was seen although the next one is still missing."""
        return self.highest > self.taken

    def take(self, records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
        """Return those that are due, which are taken to be on their way, and the strangers.

        A stranger has no position: no relay of ours wrote it.
        """
        due: list[Record] = []
        strangers: list[Record] = []
        for record in records:
            try:
                position = position_of(record)
            except NoPosition:
                strangers.append(record)
                continue
            self.highest = max(self.highest, position)
            if judge(self.taken, position) == "next":
                due.append(record)
                self.taken = position
        return due, strangers

    def advance(self, position: int) -> None:
        """Say that all up to `position` is handled: whatever stopped us is over."""
        self.position, self.taken = position, max(self.taken, position)
        self.rewound, self.stopped_at = False, None


class Watchdog:
    """Ends the process when nothing comes although there is more: a client gone silent.

    (aiokafka stopped silently after a blocked loop or a restart of the broker.)
    """

    def __init__(
        self,
        kafka: Kafka,
        consumer: TopicReader,
        readings: Mapping[TopicPartition, Reading],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._readings = readings
        self._clock = clock
        self._came = clock()
        self._behind: dict[TopicPartition, int] = {}

    def messages_came(self) -> None:
        """Say that the client still gives us messages."""
        self._came = self._clock()

    async def run(self) -> None:
        """Look for ever, with a client of its own. Raises KafkaError, TimeoutError."""
        async with reader(self._kafka) as other:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                await self.look(other)

    async def look(self, other: TopicReader) -> None:
        """Compare what there is with what came; end the process if the client is stuck."""
        ends = await end_offsets(other, list(self._readings))
        before, self._behind = self._behind, {}
        for where, reading in self._readings.items():
            offset = await self._consumer.position(where)
            if reading.stopped_at is None and ends[where] > offset:
                self._behind[where] = offset
            elif offset != reading.position:
                await self._look_at_last(other, where, ends[where])
        silent = self._clock() - self._came > STALLED_SECONDS
        stuck = [where for where, at in self._behind.items() if before.get(where) == at]
        if silent and stuck:
            logger.critical("no progress at %s for %d s", stuck, STALLED_SECONDS)
            end_process()

    async def _look_at_last(self, other: TopicReader, where: TopicPartition, end: int) -> None:
        """See what we never read: a topic made anew and refilled to just where we stand."""
        last = await last_record(other, where, end)
        if last is not None:
            try:
                reading = self._readings[where]
                reading.highest = max(reading.highest, position_of(last))
            except NoPosition:
                return
