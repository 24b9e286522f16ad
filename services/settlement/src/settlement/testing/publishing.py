"""Events on the topics of a broker, as the relays of their owners write them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from aiokafka import TopicPartition

from events.contracts import PublicEvent
from events.envelope import Cause, seal
from events.log import RecordedEvent
from events.received import Received
from events.sending import producer, send
from events.topics import Kafka, ensure
from settlement.consumer import TOPICS


async def make_topics(kafka: Kafka) -> None:
    """Make the topics that settlement reads, which their owners make otherwise."""
    for topic in TOPICS:
        await ensure(kafka, topic)


async def publish(kafka: Kafka, events: Iterable[Received]) -> None:
    """Write `events`, in the order in which they come."""
    async with producer(kafka) as through:
        for event in events:
            where = TopicPartition(event.topic, event.partition)
            await send(through, where, [recorded(event)])


def recorded(event: Received, body: bytes | None = None) -> RecordedEvent:
    """Return the event as it stands in its owner's log; `body` for one that cannot be read."""
    envelope = event.envelope
    assert isinstance(envelope.data, PublicEvent)
    sealed = seal(
        envelope.data,
        source="a-test",
        event_id=UUID(envelope.event_id),
        stream=envelope.stream,
        version=envelope.version,
        time=datetime.fromisoformat(envelope.time),
        cause=Cause("a-test"),
    )
    return RecordedEvent(
        event.partition,
        event.position,
        envelope.stream,
        envelope.version,
        envelope.type,
        UUID(envelope.event_id),
        event.recorded_at,
        sealed if body is None else body,
    )
