"""Does a topic hold what its log holds? Same bytes, same order, by the consumer's own rule."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition

from events import log
from events.audit import Envelopes
from events.client import Record
from events.connecting import connected
from events.finding import SAME_ON_TOPIC, Finding
from events.log import RecordedEvent
from events.reading import NoPosition, header, judge, position_of, reader, stretches_until_quiet
from events.topics import Kafka, Topic

READ_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class TopicPart:
    """One partition of a topic, held against its log up to `head`; `partition` is the log's.

    Kafka's is counted from the topic's first one. `dsn` leads to the log.
    """

    dsn: str
    kafka: Kafka
    service: str
    topic: Topic
    partition: int
    head: int


@asynccontextmanager
async def topic_audit(part: TopicPart) -> AsyncGenerator["TopicAudit"]:
    """Give an audit of a topic that follows the audit of its log."""
    where = TopicPartition(part.topic.name, part.partition - part.topic.first_partition)
    async with (
        reader(part.kafka) as consumer,
        aclosing(stretches_until_quiet(consumer, where, 0)) as stretches,
    ):
        yield TopicAudit(part, stretches)


class TopicAudit:
    """Reads on in a topic as its log streams by; what the topic lacks at its end is no finding.

    Raises KafkaError, TimeoutError.
    """

    def __init__(self, part: TopicPart, stretches: AsyncIterator[Sequence[Record]]) -> None:
        self._part = part
        self._stretches = stretches
        self._records: list[Record] = []  # read and not compared
        self._last = 0
        self._highest = 0

    async def take(
        self, events: Sequence[RecordedEvent], _envelopes: Envelopes = ()
    ) -> Sequence[Finding]:
        """Return in what the topic differs from the next events of the log."""
        count, until = len(events), events[-1].position
        while len(self._records) < count and await self._read_more():
            pass
        if until <= self._part.head and are_next(self._last, self._records[:count], events):
            del self._records[:count]
            self._last, self._highest = until, max(self._highest, until)
            return ()
        return await self._read_to(events, until)

    async def end(self) -> AsyncIterator[Finding]:
        """Yield what the topic holds that the log does not, and what it left out."""
        head = self._part.head
        for finding in await self._read_to((), None):
            yield finding
        if self._highest > self._last and self._last < head:
            missing = self._last + 1
            detail = f"position {missing} is missing on the topic, which goes on to {self._highest}"
            yield self._finding(missing, None, detail)
        async with connected(self._part.dsn) as connection:  # the log may have grown meanwhile
            heads = await log.heads(connection, self._part.topic.first_partition)
        end = heads.at(self._part.partition)
        if self._highest > end:
            detail = f"the topic goes on to position {self._highest}, the log ends at {end}"
            yield self._finding(end + 1, None, detail)

    async def _read_to(
        self, events: Sequence[RecordedEvent], until: int | None
    ) -> Sequence[Finding]:
        """Compare what the topic holds up to a position (None = all) with `events`."""
        found: list[Finding] = []
        due = {event.position: event for event in events}
        while until is None or self._last < until:
            if not self._records and not await self._read_more():
                break
            self._compare(due, until, found)
        return found

    async def _read_more(self) -> bool:
        """Read some records more; tell whether there were any."""
        stretch = await anext(self._stretches, None)
        if stretch is None:
            return False
        self._records.extend(stretch)
        return True

    def _compare(
        self, due: Mapping[int, RecordedEvent], until: int | None, found: list[Finding]
    ) -> None:
        """Compare the records that were read, up to a position, with the events that are due."""
        head, done = self._part.head, 0
        for record in self._records:
            if until is not None and self._last >= until:
                break
            done += 1
            try:
                position = position_of(record)
            except NoPosition:
                detail = f"offset {record.offset} carries no position: not from our relay"
                found.append(self._finding(None, None, detail))
                continue
            self._highest = max(self._highest, position)
            if position > head or judge(self._last, position) != "next":
                continue
            self._last = position
            wrong = difference(record, due.get(position))
            if wrong is not None:
                stream = (record.key or b"").decode(errors="replace")
                found.append(self._finding(position, stream, wrong))
        del self._records[:done]

    def _finding(self, position: int | None, stream: str | None, detail: str) -> Finding:
        part = self._part
        return Finding(SAME_ON_TOPIC, part.service, part.partition, position, stream, detail)


async def audit_topic(part: TopicPart) -> AsyncIterator[Finding]:
    """Yield what differs between a log and its topic's partition.

    Raises KafkaError, TimeoutError.
    """
    async with topic_audit(part) as topic, connected(part.dsn) as connection:
        last = 0
        while events := await log.read(connection, part.partition, last, READ_EVENTS):
            last = events[-1].position
            for finding in await topic.take(events):
                yield finding
        async for finding in topic.end():
            yield finding


def are_next(last: int, records: Sequence[Record], events: Sequence[RecordedEvent]) -> bool:
    """Tell whether messages are those of `events`, one each, which follow the position `last`.

    So it is on the day on which all is well; if not, each message is judged by itself.
    """
    positions = [event.position for event in events]
    return (
        positions == list(range(last + 1, last + 1 + len(events)))
        and [header(record, "position") for record in records] == [b"%d" % n for n in positions]
        and [record.value for record in records] == [event.body for event in events]
        and [record.key for record in records] == [event.stream.encode() for event in events]
    )


def difference(record: Record, event: RecordedEvent | None) -> str | None:
    """Return in which way a message is not what the log holds at its position, or None."""
    if event is None:
        return "the topic holds what the log does not"
    if record.value != event.body:
        return "other bytes on the topic than in the log"
    if record.key != event.stream.encode():
        return "another key on the topic than the log's stream"
    return None
