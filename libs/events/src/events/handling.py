"""Handling a run of messages: all in one transaction, or one by one around those that fail."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from aiokafka import TopicPartition

from events import dead_letters, places
from events.client import Record
from events.failures import NOT_THE_MESSAGE, Fenced
from events.log import Connection
from events.reading import position_of
from events.received import Project, received, recorded_at, stream_of

logger = logging.getLogger(__name__)

KNOWN_STRANGER = """
SELECT 1 FROM log.dead_letter
WHERE topic = $1 AND partition = $2 AND kafka_offset = $3 AND position IS NULL AND body = $4
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Messages at consecutive positions of one topic partition, which follow `before`."""

    where: TopicPartition
    before: int
    records: Sequence[Record]


async def handle(pool: asyncpg.Pool, run: Run, project: Project) -> None:
    """Handle a run; effects and place commit as one.

    Raises places.Fenced if another process, or a rebuild, moved the place meanwhile, and whatever
    the database raises when it is away: nothing was handled then.
    """
    async with pool.acquire() as connection:
        if not await _all_at_once(connection, run, project):
            async with connection.transaction():
                await _one_by_one(connection, run, project)


async def _begin(connection: Connection, run: Run) -> tuple[set[str], set[int]]:
    """Lock the place; return the streams that wait and the positions that are left out."""
    topic, partition = run.where
    if await places.lock(connection, topic, partition) != run.before:
        raise Fenced(f"{topic}/{partition} is no longer at {run.before}")
    waiting = await dead_letters.waiting_streams(connection, topic, partition)
    return waiting, await dead_letters.discarded(connection, topic, partition, run.before)


async def _end(connection: Connection, run: Run) -> None:
    await places.move(
        connection,
        *run.where,
        before=run.before,
        after=run.before + len(run.records),
        offset=run.records[-1].offset + 1,
    )


async def _all_at_once(connection: Connection, run: Run, project: Project) -> bool:
    """Handle the whole run; False if some of it cannot be handled, then nothing was."""
    try:
        async with connection.transaction():
            waiting, left_out = await _begin(connection, run)
            if waiting and not waiting.isdisjoint(map(stream_of, run.records)):
                return False
            events = [received(r) for r in run.records if position_of(r) not in left_out]
            if events:
                await project(connection, events)
            await _end(connection, run)
    except NOT_THE_MESSAGE:
        raise
    except Exception as error:  # noqa: BLE001 - one of them cannot be handled: find it
        logger.warning("%s after %d, one by one: %r", run.where, run.before, error)
        return False
    return True


async def _one_by_one(connection: Connection, run: Run, project: Project) -> None:
    waiting, left_out = await _begin(connection, run)
    for record in run.records:
        if position_of(record) in left_out:
            continue
        stream = stream_of(record)
        if stream in waiting:
            await _keep(connection, record, "parked", "behind a dead letter of its stream")
            continue
        try:
            async with connection.transaction():
                await project(connection, [received(record)])
        except NOT_THE_MESSAGE:
            raise
        except Exception as error:
            logger.exception("%s at %d is a dead letter", run.where, position_of(record))
            await _keep(connection, record, "dead", repr(error))
            waiting.add(stream)
    await _end(connection, run)


async def _keep(connection: Connection, record: Record, state: str, reason: str) -> None:
    await dead_letters.keep(
        connection,
        topic=record.topic,
        partition=record.partition,
        position=position_of(record),
        offset=record.offset,
        recorded_at=recorded_at(record),
        stream=stream_of(record),
        state=state,
        reason=reason,
        body=record.value or b"",
    )


async def handle_stranger(pool: asyncpg.Pool, where: TopicPartition, record: Record) -> None:
    """Keep a message without a readable position, once per offset; nothing waits behind it."""
    topic, partition = where
    body = record.value or b""
    async with pool.acquire() as connection, connection.transaction():
        await places.lock(connection, topic, partition)
        if await connection.fetchval(KNOWN_STRANGER, topic, partition, record.offset, body):
            return
        await dead_letters.keep(
            connection,
            topic=topic,
            partition=partition,
            position=None,
            offset=record.offset,
            recorded_at=None,
            stream=f"offset {record.offset}",
            state="dead",
            reason="no readable position: not written by a relay of this house",
            body=body,
        )
