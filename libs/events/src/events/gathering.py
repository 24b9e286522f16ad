"""How long a consumer lets a busy topic fill its next batch: each has its price, whatever is in it.

A wave of the relays comes partition by partition. A fetch that waits for it ends at its first
message, so without a pause the next batch would be what one partition had.
"""

from asyncio import get_running_loop, sleep
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import TopicPartition

from events.client import TopicReader

BATCH_RECORDS_MAX: Final = 2_000
FULL_RECORDS: Final = BATCH_RECORDS_MAX // 2
"""So many say that there are more already: whoever is behind waits for nothing."""

GATHER_SECONDS: Final = 0.03
"""So long at least lies between two looks while little comes."""

MANY_RECORDS: Final = 50
GATHER_MANY_SECONDS: Final = 0.1
"""The same while much comes: visible that much later, for half as many batches."""


@asynccontextmanager
async def gathering(
    consumer: TopicReader, partitions: Collection[TopicPartition], records: int
) -> AsyncGenerator[None]:
    """Fetch nothing meanwhile, nor until it is time to look again, after a poll of `records`.

    Begin it before the loop turns: then aiokafka has not sent the next fetch yet.
    """
    if records >= FULL_RECORDS:
        yield
        return
    clock = get_running_loop().time
    until = clock() + (GATHER_MANY_SECONDS if records >= MANY_RECORDS else GATHER_SECONDS)
    consumer.pause(*partitions)
    yield
    await sleep(max(0.0, until - clock()))
    consumer.resume(*partitions)
