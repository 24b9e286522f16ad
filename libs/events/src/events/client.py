"""The parts of aiokafka that this house uses, with the types that aiokafka leaves out."""

# ruff: noqa: D102 - aiokafka's own documentation says what its methods do

import asyncio
from asyncio import Future
from collections.abc import Sequence
from typing import Protocol

from aiokafka import TopicPartition

START_SECONDS_MORE = 2.0


class Client(Protocol):
    """What can be started: a consumer, a producer, an admin client."""

    async def start(self) -> None: ...


async def start(client: Client) -> None:
    """Start a client of aiokafka.

    A cancellation waits for it a little: cancelled while it asks for its first metadata, aiokafka
    would leave that connection open for ever.
    """
    starting = asyncio.create_task(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=START_SECONDS_MORE)
        if not starting.cancel() and not starting.cancelled():
            starting.exception()  # seen, and no matter any more
        raise


class Record(Protocol):
    """One message as it was read: bytes, nothing decoded."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class TopicReader(Protocol):
    """A consumer without a group."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    def resume(self, *partitions: TopicPartition) -> None: ...
    async def position(self, partition: TopicPartition) -> int: ...
    def highwater(self, partition: TopicPartition) -> int | None: ...
    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def beginning_offsets(
        self, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Record]]: ...


class Batch(Protocol):
    """A batch that is being filled; `append` answers None when it is full."""

    def append(
        self,
        *,
        timestamp: int,
        key: bytes,
        value: bytes,
        headers: Sequence[tuple[str, bytes]],
    ) -> object | None: ...
    def close(self) -> None: ...


class Acknowledged(Protocol):
    """Where the broker put a batch: the offset of its first record, -1 = it did not say."""

    offset: int


class BatchProducer(Protocol):
    """A producer that is given whole batches."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def create_batch(self) -> Batch: ...
    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> "Future[Acknowledged]": ...
