"""Reading a topic partition by the consumer's own rule: by sequence, never by offset alone."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from events.background import settle
from events.client import Record, TopicReader, start
from events.patience import be_patient
from events.quick_records import make_structs
from events.topics import Kafka

QUIET_SECONDS = 1.5
"""Nothing came for so long although the end offset says more: it will not come."""

POLL_MS = 250
READ_RECORDS_MAX = 5_000
LONG_POLL_MS = 500
"""So long the broker holds a request for which there is nothing yet; it answers when there is."""

EMBEDDED_POLL_MS = 100
"""The embedded broker looks first, sleeps for as long as it may, and answers what it saw before: so
not for long. But it also stops looking after that time, so events.patience gives it more where a
partition has many batches: with 100 ms it answered nothing, for ever, from some 70,000 on."""

BOUND_SECONDS = 15.0
LOOKED_FOR_SECONDS = 40.0
"""So long what is known to be there may not come: the embedded broker may look some times before it
was given enough for a deep partition, and each time long on a busy machine."""

Verdict = Literal["next", "duplicate", "gap"]


class PartitionBroken(KafkaError):
    """A partition that does not hold what its end offset says: wiped meanwhile, or broken."""


class NoPosition(ValueError):
    """A message without a readable position: no relay of ours wrote it."""


def header(record: Record, name: str) -> bytes | None:
    """Return the last header `name` of a record, or None."""
    for key, value in reversed(record.headers):
        if key == name:
            return value
    return None


def position_of(record: Record) -> int:
    """Return the log position that a record carries. Raises NoPosition."""
    value = header(record, "position")
    if value is None or not value.isdigit() or len(value) > 18:
        raise NoPosition(f"offset {record.offset}")
    return int(value)


def judge(last: int, position: int) -> Verdict:
    """Say what a message at `position` is to a reader whose last one was `last`."""
    if position == last + 1:
        return "next"
    return "duplicate" if position <= last else "gap"


@asynccontextmanager
async def reader(kafka: Kafka) -> AsyncGenerator[TopicReader]:
    """Give a consumer without a group: it reads bytes, commits nothing and resets nothing."""
    make_structs()
    made = AIOKafkaConsumer(
        **kafka.connection(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        request_timeout_ms=10_000,
        fetch_max_wait_ms=EMBEDDED_POLL_MS if kafka.embedded else LONG_POLL_MS,
        metadata_max_age_ms=5_000,
    )
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            await start(made)
        if kafka.embedded:
            be_patient(made, EMBEDDED_POLL_MS)
        yield cast("TopicReader", made)
    finally:
        await settle(made.stop(), BOUND_SECONDS)
        await settle(vars(made)["_client"].close(), BOUND_SECONDS)  # where stop() ended early


async def end_offsets(
    consumer: TopicReader, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the end offsets; on the embedded broker one past the *first* of the last batch."""
    async with asyncio.timeout(BOUND_SECONDS):
        return await consumer.end_offsets(list(partitions))


async def first_offset(consumer: TopicReader, partition: TopicPartition) -> int:
    """Return the offset of the oldest message that a partition still holds."""
    async with asyncio.timeout(BOUND_SECONDS):
        return max(0, (await consumer.beginning_offsets([partition]))[partition])


async def until_quiet(
    consumer: TopicReader, partition: TopicPartition, offset: int, end: int = 0
) -> AsyncGenerator[Record]:
    """Yield the records from `offset` to the end of a partition, as they lie there.

    `end` is an offset that is known to be reached. Raises PartitionBroken if it is not.
    """
    async with aclosing(stretches_until_quiet(consumer, partition, offset, end)) as stretches:
        async for stretch in stretches:
            for record in stretch:
                yield record


async def stretches_until_quiet(
    consumer: TopicReader, partition: TopicPartition, offset: int, end: int = 0
) -> AsyncGenerator[Sequence[Record]]:
    """Yield the same, some records at a time: for whoever reads very many."""
    consumer.assign([partition])
    consumer.seek(partition, offset)
    if offset == end == 0 and (await end_offsets(consumer, [partition]))[partition] == 0:
        return  # the fetch is held for as long as it may be, in case something comes
    clock = asyncio.get_running_loop().time
    came = clock()
    while True:
        batch = await consumer.getmany(partition, timeout_ms=POLL_MS, max_records=READ_RECORDS_MAX)
        if batch:
            yield batch[partition]
        offset = await consumer.position(partition)
        high = consumer.highwater(partition)
        if high is not None and offset >= high and offset >= end:
            return
        if batch:
            came = clock()
        quiet = clock() - came
        bound = BOUND_SECONDS if high is None or offset >= high else LOOKED_FOR_SECONDS
        if quiet > bound or (high is not None and high < end and quiet > QUIET_SECONDS):
            raise PartitionBroken(f"{partition} went silent at {offset} of {high}, {end} expected")


@dataclass(frozen=True, slots=True)
class Tail:
    """What a partition holds without a hole: positions 1 to `position`; `end` is its end offset."""

    position: int
    end: int


async def last_record(consumer: TopicReader, partition: TopicPartition, end: int) -> Record | None:
    """Return the last record of a partition whose end offset is `end` or more, None if empty."""
    last = None
    if end > 0:
        async for record in until_quiet(consumer, partition, end - 1, end):
            last = record
    return last


async def tail(kafka: Kafka, topic: str, partition: int) -> Tail:
    """Return up to where a topic partition holds its log without a hole.

    One look at the last record is enough while offset and position agree. They differ after a
    doubled message, or if a relay wrote into a topic that had just been made anew: then all is
    read by the consumer's rule. Raises KafkaError, TimeoutError.
    """
    where = TopicPartition(topic, partition)
    async with reader(kafka) as consumer:
        end = (await end_offsets(consumer, [where]))[where]
        if end < 0:
            raise PartitionBroken(f"{where} has no end")
        last = await last_record(consumer, where, end)
        if last is None:
            return Tail(0, end)
        if header(last, "position") == b"%d" % (last.offset + 1):
            return Tail(last.offset + 1, end)
        dense = 0
        first = await first_offset(consumer, where)
        async for record in until_quiet(consumer, where, first, end):
            if header(record, "position") == b"%d" % (dense + 1):
                dense += 1
        return Tail(dense, end)
