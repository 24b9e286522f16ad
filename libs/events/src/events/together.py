"""Handling runs of several topic partitions in one transaction: most of a commit's cost is its own.

This is the way of a day on which nothing is wrong. Whatever is: nothing was handled, and each run
takes the slower way by itself (handling.py), which finds the message that is to blame.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import asyncpg

from events import places
from events.failures import NOT_THE_MESSAGE
from events.handling import Run, handle
from events.log import Connection
from events.received import Project, Received, received_at

logger = logging.getLogger(__name__)

DECODED_AT_ONCE = 200
"""Events, about 2 ms: requests of this process wait no longer for their turn."""

LETTERS = """
SELECT EXISTS (
    SELECT 1 FROM log.dead_letter l JOIN unnest($1::text[], $2::smallint[]) AS r (topic, partition)
        ON l.topic = r.topic AND l.partition = r.partition
    WHERE l.position IS NOT NULL OR l.state <> 'discarded'
)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs of different topic partitions, by topic and partition, and their events if all open."""

    runs: Sequence[Run]
    events: Sequence[Received] | None


async def opened(runs: Sequence[Run]) -> Batch:
    """Open the events of `runs`; does not hold up the loop for longer than a moment."""
    in_order = sorted(runs, key=lambda run: run.where)
    events: list[Received] = []
    try:
        for run in in_order:
            for first in range(0, len(run.records), DECODED_AT_ONCE):
                some = run.records[first : first + DECODED_AT_ONCE]
                events += map(received_at, some, count(run.before + 1 + first))
                await asyncio.sleep(0)
    except ValueError as error:  # malformed, or unknown to this build: it becomes a letter
        logger.warning("one by one: %r", error)
        return Batch(in_order, None)
    return Batch(in_order, events)


async def handle_all(pool: asyncpg.Pool, batch: Batch, project: Project) -> None:
    """Handle a batch; effects and places commit as one, or run by run if something is wrong.

    Raises Fenced and what the database raises when it is away: some runs may be handled then, and
    the places say which.
    """
    if batch.events is not None:
        async with pool.acquire() as connection:
            if await _all_at_once(connection, batch.runs, batch.events, project):
                return
    for run in batch.runs:
        await handle(pool, run, project)


async def _all_at_once(
    connection: Connection, runs: Sequence[Run], events: Sequence[Received], project: Project
) -> bool:
    """Handle all runs; False if some of it cannot be handled like this, then nothing was."""
    try:
        async with connection.transaction():
            moves = [_moved(run) for run in runs]
            await places.lock_all(connection, moves)
            topics, partitions, *_ = zip(*moves, strict=True)
            if await connection.fetchval(LETTERS, topics, partitions):
                return False
            await project(connection, events)
            await places.move_all(connection, moves)
    except NOT_THE_MESSAGE:
        raise
    except Exception as error:  # noqa: BLE001 - one of them cannot be handled: find it
        logger.warning("%d runs one by one: %r", len(runs), error)
        return False
    return True


def _moved(run: Run) -> places.Moved:
    after = run.before + len(run.records)
    return places.Moved(*run.where, run.before, after, run.records[-1].offset + 1)
