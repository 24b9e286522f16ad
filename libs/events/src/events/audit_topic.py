"""Does a topic hold what its log holds? Same bytes, same order, by the consumer's own rule."""

from collections.abc import AsyncIterator

from aiokafka import TopicPartition

from events import log
from events.audit import SAME_ON_TOPIC, Finding
from events.client import Record
from events.log import Connection, RecordedEvent
from events.reading import NoPosition, judge, position_of, reader, until_quiet
from events.topics import Kafka, Topic

READ_EVENTS = 2_000


async def audit_topic(
    connection: Connection, kafka: Kafka, service: str, topic: Topic, partition: int, head: int
) -> AsyncIterator[Finding | int]:
    """Yield what differs between positions 1 to `head` of a log and its topic's partition.

    `partition` is the log's; Kafka's is counted from the topic's first one.

    Yields the position reached at the end, which is below `head` where the relay lags: that is no
    finding, unless a later message is there already. Raises KafkaError, TimeoutError.
    """
    expected = _Expected(connection, partition, head)
    last, highest = 0, 0
    where = TopicPartition(topic.name, partition - topic.first_partition)
    async with reader(kafka) as consumer:
        async for record in until_quiet(consumer, where, 0):
            try:
                position = position_of(record)
            except NoPosition:
                detail = f"offset {record.offset} carries no position: not from our relay"
                yield Finding(SAME_ON_TOPIC, service, partition, None, None, detail)
                continue
            highest = max(highest, position)
            if judge(last, position) != "next" or position > head:
                continue
            last = position
            wrong = difference(record, await expected.at(position))
            if wrong is not None:
                stream = (record.key or b"").decode(errors="replace")
                yield Finding(SAME_ON_TOPIC, service, partition, position, stream, wrong)
    if highest > last and last < head:
        detail = f"position {last + 1} is missing on the topic, which goes on to {highest}"
        yield Finding(SAME_ON_TOPIC, service, partition, last + 1, None, detail)
    end = (await log.heads(connection, topic.first_partition)).at(partition)  # it may have grown
    if highest > end:
        detail = f"the topic goes on to position {highest}, the log ends at {end}"
        yield Finding(SAME_ON_TOPIC, service, partition, end + 1, None, detail)
    yield last


def difference(record: Record, event: RecordedEvent | None) -> str | None:
    """Return in which way a message is not what the log holds at its position, or None."""
    if event is None:
        return "the topic holds what the log does not"
    if record.value != event.body:
        return "other bytes on the topic than in the log"
    if record.key != event.stream.encode():
        return "another key on the topic than the log's stream"
    return None


class _Expected:
    """The log's events one after the other, read in batches."""

    def __init__(self, connection: Connection, partition: int, head: int) -> None:
        self._connection = connection
        self._partition = partition
        self._head = head
        self._batch: dict[int, RecordedEvent] = {}

    async def at(self, position: int) -> RecordedEvent | None:
        """Return the event at `position`; positions are asked for in ascending order."""
        if position not in self._batch:
            events = await log.read(self._connection, self._partition, position - 1, READ_EVENTS)
            self._batch = {event.position: event for event in events}
        return self._batch.get(position)
