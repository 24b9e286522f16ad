"""A message as a consumer hands it to its projection: opened, with its place in the log."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from events.client import Record
from events.envelope import Envelope
from events.log import Connection
from events.merkle import EPOCH
from events.quickly import open_quickly
from events.reading import header, position_of

LATEST_MILLISECONDS = 253_402_300_799_000
"""The last second of the year 9999: more no datetime can say."""


class Received(NamedTuple):  # of all values of a house the one that is made most often
    """An event as a consumer hands it to its projection; `recorded_at` is UTC."""

    topic: str
    partition: int
    position: int
    recorded_at: datetime
    envelope: Envelope


Project: TypeAlias = Callable[[Connection, Sequence[Received]], Awaitable[None]]
"""Effects of events, in order, inside the transaction that also moves the place."""


def received(record: Record) -> Received:
    """Return the event in a record. Raises MalformedEvent, UnknownEventType, NoPosition."""
    return received_at(record, position_of(record))


def received_at(record: Record, position: int) -> Received:
    """Return the event in a record whose position is known. Raises as `received`."""
    body = record.value or b""
    return Received(
        record.topic, record.partition, position, recorded_at(record), open_quickly(body)
    )


def recorded_at(record: Record) -> datetime:
    """Return the header `recorded_at` (microseconds since 1970), else Kafka's milliseconds, UTC."""
    value = header(record, "recorded_at") or b""
    if value.isdigit() and len(value) <= 16:
        return _moment(int(value))
    return _moment(max(0, min(record.timestamp, LATEST_MILLISECONDS)) * 1_000)


@lru_cache(maxsize=1_024)
def _moment(microseconds: int) -> datetime:
    """Return a time after 1970; all events of a commit have the same, so it is often known."""
    return EPOCH + timedelta(microseconds=microseconds)


def stream_of(record: Record) -> str:
    """Return the stream that a record is about, as PostgreSQL can keep it."""
    return storable((record.key or b"").decode(errors="replace"))


def storable(text: str) -> str:
    """Return `text` without what PostgreSQL refuses: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
