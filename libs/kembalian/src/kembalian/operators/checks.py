"""The checks of `kembalian verify`, in pieces that all cores share: invariants 1-5 and 7-10.

Each piece is an item of work for another process and yields findings and the position reached.
What one piece sees is one snapshot; what several pieces must see alike, they share.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

import catalog.checking
import identity.checking
import wallet_ledger.checking
from events import log
from events.audit import Finding, audit_partition
from events.audit_topic import audit_topic
from events.parallel import Work, processes_for, spread
from events.place import Place
from events.topics import Kafka
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import database, events_of, size
from kembalian.operators.services import SERVICES
from kembalian.operators.settled import Added, Settled, settled_pieces
from kembalian.operators.speaking import Tell


@dataclass(frozen=True, slots=True)
class Piece:
    """`work` to be done with `item`, and about how many events that is."""

    work: Work[Any, Any]
    item: Any
    events: int


async def checked(pieces: list[Piece], tell: Tell) -> AsyncGenerator[Finding]:
    """Do all pieces, the longest first, and yield what is wrong, as it is found."""
    in_order = sorted(enumerate(pieces), key=lambda piece: -piece[1].events)
    total, done, settled = sum(piece.events for piece in pieces), dict[int, int](), Settled()
    async with aclosing(spread(do, in_order, processes_for(total))) as all_found:
        async for number, found in all_found:
            if isinstance(found, Finding):
                yield found
            elif isinstance(found, int):
                done[number] = found
                tell(sum(done.values()), total)
            else:
                settled.take(found)
    for finding in settled.disagreements():
        yield finding


async def do(numbered: tuple[int, Piece]) -> AsyncGenerator[tuple[int, Finding | int | Added]]:
    """Yield what comes of one piece, with its number."""
    number, piece = numbered
    async for found in piece.work(piece.item):
        yield number, found


@asynccontextmanager
async def log_pieces(run: LiveRun, service: str) -> AsyncGenerator[list[Piece]]:
    """Give the checks of a log: density, versions, chain (9); of the ledger's also 1-4, 7, 8."""
    if service == "wallet-ledger":
        async with wallet_ledger.checking.parts(run.postgres[service]) as parts:
            yield [Piece(check_ledger_part, part, part.events) for part in parts]
        return
    async with database(run, service) as connection:
        at = (await log.heads(connection)).positions
    yield [Piece(check_log_part, LogPart(run, service, p), position) for p, position in at]


async def check_ledger_part(
    part: wallet_ledger.checking.Part,
) -> AsyncGenerator[Finding | int]:
    """Yield what is wrong in one part of the ledger, and the positions reached."""
    async for _, found in wallet_ledger.checking.check_part(part):
        yield found


@dataclass(frozen=True, slots=True)
class LogPart:
    """One partition of a log."""

    run: LiveRun
    service: str
    partition: int


async def check_log_part(part: LogPart) -> AsyncGenerator[Finding | int]:
    """Yield what is wrong in one partition of a log, and the positions reached."""
    async with (
        database(part.run, part.service) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        async for found in audit_partition(connection, part.service, part.partition):
            yield found


@dataclass(frozen=True, slots=True)
class TopicPart:
    """One partition of a topic, held against its log up to `head`."""

    dsn: str
    kafka: Kafka
    service: str
    partition: int
    head: int


def topic_pieces(run: LiveRun, service: str, head: Place) -> list[Piece]:
    """Return the checks that a topic holds its log: same bytes, same order (10)."""
    return [
        Piece(check_topic_part, TopicPart(run.postgres[service], run.broker, service, *at), at[1])
        for at in head.positions
    ]


async def check_topic_part(part: TopicPart) -> AsyncGenerator[Finding | int]:
    """Yield what is wrong with one partition of a topic, at the end the position reached."""
    topic = SERVICES[part.service].topic
    connection = await asyncpg.connect(part.dsn, timeout=10)
    try:
        async for found in audit_topic(
            connection, part.kafka, part.service, topic, part.partition, part.head
        ):
            yield found
    finally:
        await connection.close()


@asynccontextmanager
async def view_pieces(run: LiveRun, service: str) -> AsyncGenerator[list[Piece]]:
    """Give the checks that the views of a service are the fold of what it read (7, 3, 5)."""
    if service == "settlement":
        async with settled_pieces(run) as pieces:
            yield [Piece(*piece) for piece in pieces]
        return
    async with database(run, "identity") as connection:
        members = size(await log.heads(connection))
    yield [Piece(check_views_of, (run, service), members if service != "catalog" else 0)]


async def check_views_of(views: tuple[LiveRun, str]) -> AsyncGenerator[Finding]:
    """Yield what is wrong in the views of identity, of catalog, or of cards in the ledger."""
    run, service = views
    dsn = run.postgres[service]
    if service == "wallet-ledger":
        members, stores = events_of(run, "identity"), events_of(run, "catalog")
        found = wallet_ledger.checking.check_directory(dsn, members, stores)
    else:
        found = {"identity": identity.checking.check, "catalog": catalog.checking.check}[service](
            dsn
        )
    async for finding in found:
        yield finding
