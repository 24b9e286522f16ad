"""A topic's stretch compared as a whole says what its messages say one by one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from events import audit_topic
from events.audit_topic import TopicAudit, TopicPart, are_next
from events.client import Record
from events.finding import Finding
from events.log import RecordedEvent
from events.testing import WrittenRecord
from events.topics import IDENTITY, Kafka

AT = datetime(2026, 11, 26, tzinfo=UTC)
WHERE = TopicPartition(IDENTITY.name, 0)
EVENTS = [
    RecordedEvent(0, n, f"s{n}", 1, "t", UUID(int=n), AT, b"body %d" % n) for n in range(1, 13)
]


def message(position: int, **other: Any) -> Record:
    """Return the message of an event, in which something may be other than it should be."""
    made = WrittenRecord(WHERE, position, f"s{position}", b"body %d" % position)
    for name, value in other.items():
        setattr(made, name, value)
    return made


ALTERED: dict[str, Any] = {
    "another body": {"value": b"other"},
    "no body": {"value": None},
    "another key": {"key": b"other"},
    "no key": {"key": None},
    "no position": {"headers": []},
    "a second position, which counts": {
        "headers": [("position", b"3"), ("x", b""), ("position", b"9")]
    },
    "its position in other digits": {"headers": [("position", b"03")]},
}


def found(
    messages: Sequence[Record], *, log: int = 3, read: int = 4, head: int = 12
) -> list[tuple[int | None, str]]:
    """Return (position, what is wrong) of a topic, so many events and messages at a time."""

    async def stretches() -> AsyncIterator[Sequence[Record]]:
        for first in range(0, len(messages), read):
            yield messages[first : first + read]

    async def findings() -> list[Finding]:
        part = TopicPart("", Kafka("", "embedded"), "identity", IDENTITY, 0, head)
        audit = TopicAudit(part, stretches())
        return [
            finding
            for first in range(0, len(EVENTS), log)
            for finding in await audit.take(EVENTS[first : first + log])
        ]

    return [(finding.position, finding.detail) for finding in asyncio.run(findings())]


def never(*_: object) -> bool:
    """Take no stretch as a whole."""
    return False


@pytest.mark.parametrize("alteration", ALTERED)
def test_a_stretch_of_which_one_message_differs_is_not_taken_as_a_whole(alteration: str) -> None:
    right = [message(n) for n in (1, 2, 3, 4)]
    wrong = [message(n, **(ALTERED[alteration] if n == 3 else {})) for n in (1, 2, 3, 4)]

    assert are_next(0, right, EVENTS[:4])
    assert not are_next(0, wrong, EVENTS[:4])
    assert not are_next(1, right, EVENTS[:4])
    assert not are_next(0, right[:3], EVENTS[:4])
    assert not are_next(0, right[1:], EVENTS[:4])


def test_the_first_place_that_differs_is_named() -> None:
    messages = [message(event.position) for event in EVENTS]
    messages[7] = message(8, value=b"other")

    assert found(messages) == [(8, "other bytes on the topic than in the log")]


altered = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(["doubled", "lost", *ALTERED])), max_size=4
)


@given(altered, st.integers(1, 13), st.integers(1, 13), st.sampled_from([5, 12]))
def test_stretches_and_single_messages_find_the_same(
    changes: list[tuple[int, str]], log: int, read: int, head: int
) -> None:
    messages: list[Record] = []
    kinds = dict(changes)
    for index, event in enumerate(EVENTS):
        kind = kinds.get(index, "right")
        same = message(event.position, **ALTERED.get(kind, {}))
        messages += {"doubled": [same, same], "lost": []}.get(kind, [same])

    as_a_whole = found(messages, log=log, read=read, head=head)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audit_topic, "are_next", never)
        one_by_one = found(messages, log=log, read=read, head=head)

    assert as_a_whole == one_by_one
