"""Reading a partition: what is empty is not waited for."""

from collections.abc import Sequence
from typing import Any, cast

from aiokafka import TopicPartition

from events.client import TopicReader
from events.reading import until_quiet

WHERE = TopicPartition("kembalian.test.v1", 0)


class Empty:
    """A consumer of a partition in which nothing was ever written."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert partitions == [WHERE]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert (partition, offset) == (WHERE, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def getmany(self, *_: Any, **__: Any) -> dict[TopicPartition, list[Any]]:
        raise AssertionError("the broker would hold this fetch for as long as it may")


async def test_an_empty_partition_is_left_without_a_fetch() -> None:
    assert [record async for record in until_quiet(cast("TopicReader", Empty()), WHERE, 0)] == []
