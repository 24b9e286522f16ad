"""The parts of aiokafka that this house uses, with the types that aiokafka leaves out."""

# ruff: noqa: D102 - aiokafka's own documentation says what its methods do

from asyncio import Future
from collections.abc import Sequence
from typing import Protocol

from aiokafka import TopicPartition


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
