"""A command under an idempotency key: the first outcome is kept with its effects, for ever."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from uuid_utils.compat import uuid7

from events import log, outcomes
from events.envelope import Cause
from events.log import Connection, NewEvent
from events.outcomes import KeyReused, Outcome, RequestInFlight
from identity.answers import Answer
from identity.config import PARTITION
from identity.domain import MemberEvent, StaffEvent
from identity.projections import At, project
from identity.publish import contract_of, new_event
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Keyed:
    """Whose key it is, what it stands for, and what its events name as their cause."""

    caller: str
    key: str
    fingerprint: bytes
    cause: Cause


async def kept_answer(pool: asyncpg.Pool, keyed: Keyed) -> Answer | None:
    """Return what was answered before, without waiting for a request in flight, or None.

    It spares a repeat the work that precedes the transaction. Raises Problem 422.
    """
    async with pool.acquire() as connection:
        known = await outcomes.find_all(connection, [(keyed.caller, keyed.key)])
    outcome = known.get((keyed.caller, keyed.key))
    if outcome is None:
        return None
    if outcome.fingerprint != keyed.fingerprint:
        raise Problem("idempotency-key-reused")
    return Answer(outcome.status, outcome.answer, replayed=True)


async def earlier_answer(connection: Connection, keyed: Keyed) -> Answer | None:
    """Return what was answered before, having waited for a request in flight, or None.

    None: the key is ours until the transaction ends. Raises Problem 409 or 422.
    """
    try:
        outcome = await outcomes.earlier(connection, keyed.caller, keyed.key, keyed.fingerprint)
    except RequestInFlight:
        raise Problem("request-in-flight") from None
    except KeyReused:
        raise Problem("idempotency-key-reused") from None
    return None if outcome is None else Answer(outcome.status, outcome.answer, replayed=True)


async def record(
    connection: Connection,
    decided: list[MemberEvent] | list[StaffEvent],
    *,
    version: int,
    cause: Cause,
    keep: tuple[Keyed, Answer] | None = None,
) -> None:
    """Append what was decided, with the outcome to keep, and project it into the views.

    `version` is the stream's before the events. The views change after the append, under the
    counter's lock: a rebuild, which holds it, never meets a half-done change.
    """
    now = datetime.now(UTC)
    events: list[NewEvent] = [
        new_event(event, version=version + n, event_id=uuid7(), time=now, cause=cause)
        for n, event in enumerate(decided, start=1)
    ]
    kept = [_outcome(*keep)] if keep else []
    if not events and not kept:
        return
    appended = await log.append(connection, PARTITION, events, kept)
    for n, (event, stored) in enumerate(zip(decided, events, strict=True)):
        position = appended.first_position + n
        at = At(stored.version, PARTITION, position, appended.recorded_at)
        await project(connection, contract_of(event), at)


def _outcome(keyed: Keyed, answer: Answer) -> Outcome:
    return Outcome(keyed.caller, keyed.key, keyed.fingerprint, answer.status, answer.body)


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncGenerator[Connection]:
    """Give a connection in a transaction that commits at the end."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection
