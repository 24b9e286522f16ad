"""What runs beside the requests of every service: its pools, its relay, its consumer.

A service starts without database and broker and goes on trying; it stops within seconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from events import background
from events.consumer import Consumer
from events.leases import Leases
from events.received import Project
from events.relay import Relay
from events.topics import Kafka, Topic

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 10.0
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Publishing:
    """The relay of a service's log, and the leases of this process."""

    leases: Leases
    relay: Relay


class PlainConnection(asyncpg.Connection):
    """A connection that is given back as it is: nobody here sets anything for a whole session.

    (An open transaction is rolled back all the same.) asyncpg's own reset is a round trip, five
    statements long, after every use.
    """

    def get_reset_query(self) -> str:
        """Return what is run when the connection goes back to its pool: nothing."""
        return ""


@asynccontextmanager
async def database_pool(
    dsn: str, size_max: int, *, statement_seconds: float = STATEMENT_SECONDS
) -> AsyncGenerator[asyncpg.Pool]:
    """Give a pool that connects when it is asked for the first time."""
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,  # connects to nothing yet
        max_size=size_max,
        timeout=CONNECT_SECONDS,
        command_timeout=statement_seconds,
        connection_class=PlainConnection,
    )
    await pool
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def beside(name: str, *works: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run `works` meanwhile; if one of them fails for good, the process ends."""
    tasks = [background.start(work, f"{name} {n}") for n, work in enumerate(works)]
    try:
        yield
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await background.stop(*tasks)


@asynccontextmanager
async def publishing(
    pool: asyncpg.Pool, topic: Topic, kafka: Kafka, address: str, writer: str | None = None
) -> AsyncGenerator[Publishing]:
    """Publish the log meanwhile; give up all leases of this process at the end.

    `address` is where other processes of the service reach this one; `writer` as for a Relay.
    """
    leases = Leases(pool, address)
    relay = Relay(pool, topic, kafka, leases, writer)
    try:
        async with beside("leases", leases.keep()), beside("relay", relay.run()):
            yield Publishing(leases, relay)
    finally:
        await leases.release()


@asynccontextmanager
async def consuming(
    pool: asyncpg.Pool, topics: Sequence[Topic], kafka: Kafka, leases: Leases, project: Project
) -> AsyncGenerator[None]:
    """Feed `project` from `topics` meanwhile."""
    consumer = Consumer(pool, topics, kafka, leases, project)
    async with beside("consumer", consumer.run()):
        yield
