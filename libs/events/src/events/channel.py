"""The ways by which batches reach the broker: one for all partitions, and one for who has failed.

What is sent at the same moment travels in one request. A partition whose batch failed goes on by a
producer of its own until one of its batches went well, so that it cannot hold up the others.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from events.client import BatchProducer
from events.log import RecordedEvent
from events.sending import Sent, producer, send
from events.topics import Kafka


class Channel:
    """One producer, made when it is needed, and made anew after anything that failed.

    A producer would send the next batch after a failed one: it is left to those whose batches are
    on their way already, and closed behind the last of them.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._line: _Line | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, where: TopicPartition, events: Sequence[RecordedEvent]) -> Sent:
        """Send as many of `events` as one batch holds; raises as `sending.send` does."""
        while True:
            line = self._line or self._made()
            try:
                async with line.used() as through:
                    if not line.left:  # while we waited for it
                        return await send(through, where, events)
            except BaseException:
                if self._line is line:
                    self._line = None
                line.leave()
                raise

    def _made(self) -> "_Line":
        self._line = line = _Line(self._kafka)
        self._closing.add(line.living)
        line.living.add_done_callback(self._closing.discard)
        return line

    def leave(self) -> None:
        """Have nothing sent by the producer of now any more."""
        line, self._line = self._line, None
        if line is not None:
            line.leave()

    async def close(self) -> None:
        """Leave the producer, and wait until all are closed."""
        self.leave()
        await asyncio.gather(*self._closing, return_exceptions=True)


class _Line:
    """A producer that lives in a task of its own, until it is left and its last user is gone."""

    def __init__(self, kafka: Kafka) -> None:
        self._ready: asyncio.Future[BatchProducer] = asyncio.get_running_loop().create_future()
        self._unused = asyncio.Event()
        self._users = 0
        self.left = False
        self.living = asyncio.create_task(self._live(kafka), name="producer")

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[BatchProducer]:
        """Give the producer, started. Raises KafkaError or TimeoutError if it cannot be."""
        self._users += 1
        try:
            yield await asyncio.shield(self._ready)
        finally:
            self._users -= 1
            self._look()

    def leave(self) -> None:
        """Let it end behind its last user."""
        self.left = True
        self._look()

    def _look(self) -> None:
        if self.left and not self._users:
            self._unused.set()

    async def _live(self, kafka: Kafka) -> None:
        try:
            async with producer(kafka) as made:
                self._ready.set_result(made)
                await self._unused.wait()
        except Exception as error:  # noqa: BLE001 - those who wait for it are told
            self._cannot(error)
        finally:
            self._cannot(KafkaError("the producer ended before it was ready"))

    def _cannot(self, error: Exception) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # seen, if nobody waits for it


class Channels:
    """The channel of all partitions of a relay, and those of the ones that are set apart."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._together = Channel(kafka)
        self._apart: dict[int, Channel] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def send(self, where: TopicPartition, events: Sequence[RecordedEvent]) -> Sent:
        """Send as many of `events` as one batch holds; raises as `sending.send` does."""
        apart = self._apart.get(where.partition)
        if apart is None:
            return await self._together.send(where, events)
        sent = await apart.send(where, events)
        self._end(self._apart.pop(where.partition))
        return sent

    def failed(self, partition: int) -> None:
        """Say that something went wrong with `partition`: it is set apart, with a new producer."""
        apart = self._apart.get(partition)
        if apart is None:
            self._together.leave()
            self._apart[partition] = Channel(self._kafka)
        else:
            apart.leave()

    async def close(self) -> None:
        """Close all producers."""
        channels = [self._together, *self._apart.values()]
        await asyncio.gather(*(channel.close() for channel in channels), *self._ending)

    def _end(self, channel: Channel) -> None:
        ending = asyncio.create_task(channel.close(), name="end of a producer")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
