"""Commands: load, decide, append, project and keep the answer, in one transaction each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from uuid_utils.compat import uuid7

from catalog import answers, projections, store
from catalog.answers import Answer
from catalog.domain import (
    ChangeStore,
    Event,
    RegisterStore,
    Rejected,
    Store,
    decide,
    fold,
)
from catalog.publish import prepared
from events import outcomes
from events.envelope import Cause
from events.log import Connection
from events.outcomes import Outcome

ACQUIRE_SECONDS = 8.0
"""How long a request waits for a connection: longer than a repeat waits for its first."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose request it is and which; `fingerprint` tells another request under the same key."""

    caller: str
    key: str
    fingerprint: bytes


async def register(pool: asyncpg.Pool, command: RegisterStore, key: Key, cause: Cause) -> Answer:
    """Return the answer to `command`, the first one again if the key is known.

    Raises RequestInFlight, KeyReused.
    """
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
        known = await outcomes.earlier(connection, key.caller, key.key, key.fingerprint)
        if known is not None:
            return Answer(known.status, known.answer, replayed=True)
        history = await store.locked_stream(connection, command.store_id)
        events: list[Event] = []
        try:
            events = decide(fold(history), command)
            answer = answers.registered(_after(history, events))
        except Rejected as refusal:
            answer = answers.refused(refusal)
        kept = Outcome(key.caller, key.key, key.fingerprint, answer.status, answer.body)
        await _record(connection, events, [kept], len(history), cause)
        return answer


async def change(pool: asyncpg.Pool, command: ChangeStore, cause: Cause) -> Store:
    """Return the store as it is after `command`. Raises StoreUnknown."""
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
        history = await store.locked_stream(connection, command.store_id)
        events = decide(fold(history), command)
        if events:
            await _record(connection, events, [], len(history), cause)
        return _after(history, events)


def _after(history: list[Event], events: list[Event]) -> Store:
    """Return the store as the command left it."""
    after = fold([*history, *events])
    assert after is not None, "what is not there was refused"
    return after


async def _record(
    connection: Connection,
    events: Sequence[Event],
    kept: Sequence[Outcome],
    version: int,
    cause: Cause,
) -> None:
    """Append what was decided, after version `version` of its stream, and move the view."""
    now = datetime.now(UTC)
    appended = await store.append(
        connection,
        [
            prepared(event, event_id=uuid7(), version=version + number, time=now, cause=cause)
            for number, event in enumerate(events, start=1)
        ],
        kept,
    )
    for number, event in enumerate(events):
        position = appended.first_position + number
        await projections.project(
            connection, event, store.PARTITION, position, appended.recorded_at
        )
