"""The checks of `kembalian verify`, in pieces that all cores share: invariants 1-5 and 7-10.

Each piece is an item of work for another process and yields findings and the position reached.
What one piece sees is one snapshot; what several pieces must see alike, they share.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import catalog.checking
import identity.checking
import wallet_ledger.checking
from events.audit import Follower, audit_partition
from events.audit_topic import TopicPart, topic_audit
from events.connecting import connected_to_history
from events.finding import Finding
from events.parallel import Work, processes_for, spread
from events.place import Place
from kembalian.operators.findings import Lowest, More
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import size
from kembalian.operators.services import SERVICES
from kembalian.operators.settled import (
    Added,
    Settled,
    SettledPart,
    check_rest,
    settled_audit,
    settled_parts,
)
from kembalian.operators.speaking import Tell
from wallet_ledger.audit_directory import directory_audit
from wallet_ledger.config import PARTITIONS

LEDGER: Final = "wallet-ledger"
OTHERS: Final = [service for service in SERVICES if service != LEDGER]

VIEWS_OF: Final = {
    "identity": identity.checking.ViewsAudit,
    "catalog": catalog.checking.ViewsAudit,
}
"""Service -> what audits the views that it makes of its own log, in the same transaction."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`work` to be done with `item`, and about how many events that is."""

    work: Work[Any, Any]
    item: Any
    events: int


async def checked(pieces: list[Piece], tell: Tell) -> AsyncGenerator[Finding | More]:
    """Do all pieces, the longest first, and yield what is wrong, as it is found.

    Of what a piece finds very much of, the lowest places come, and the number of all others.
    """
    in_order = sorted(enumerate(pieces), key=lambda piece: -piece[1].events)
    total, done, settled = sum(piece.events for piece in pieces), dict[int, int](), Settled()
    async with aclosing(spread(do, in_order, processes_for(total))) as all_found:
        async for number, found in all_found:
            if isinstance(found, (Finding, More)):
                yield found
            elif isinstance(found, int):
                done[number] = found
                tell(sum(done.values()), total)
            else:
                settled.take(found)
    for finding in settled.disagreements():
        yield finding


async def do(
    numbered: tuple[int, Piece],
) -> AsyncGenerator[tuple[int, Finding | More | int | Added]]:
    """Yield what comes of one piece, with its number; at the end how many findings did not."""
    number, piece = numbered
    lowest = Lowest()
    async for found in piece.work(piece.item):
        if not isinstance(found, Finding) or lowest.take(found):
            yield number, found
    for more in lowest.refused():
        yield number, more


@asynccontextmanager
async def all_pieces(run: LiveRun, at: Mapping[str, Place]) -> AsyncGenerator[list[Piece]]:
    """Give the checks of all logs, topics (up to `at`) and views, which stand still meanwhile.

    A partition of a log is read once, for all that is to be held against it.
    """
    async with (
        settled_parts(run) as (settled, rest),
        wallet_ledger.checking.parts(run.postgres[LEDGER]) as parts,  # seen later than settlement
    ):
        pieces = [Piece(check_rest, rest, size(rest.upto) // PARTITIONS // 4)]
        for part in parts:
            topic = settled_part = None
            if part.partition is not None:
                topic = _topic(run, LEDGER, part.partition, at[LEDGER].at(part.partition))
                settled_part = settled.get(part.partition)
            item = LedgerPart(part, topic, settled_part)
            pieces.append(Piece(check_ledger_part, item, part.events))
        for service in OTHERS:
            for partition, head in at[service].positions:
                item = LogPart(run, service, _topic(run, service, partition, head))
                pieces.append(Piece(check_log_part, item, head))
        yield pieces


def _topic(run: LiveRun, service: str, partition: int, head: int) -> TopicPart:
    topic = SERVICES[service].topic
    return TopicPart(run.postgres[service], run.broker, service, topic, partition, head)


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """A part of the ledger, and what is held against it: its topic, settlement's views."""

    part: wallet_ledger.checking.Part
    topic: TopicPart | None
    settled: SettledPart | None


async def check_ledger_part(part: LedgerPart) -> AsyncGenerator[Finding | int | Added]:
    """Yield what is wrong in one part of the ledger (1-4, 7-10), and the positions reached.

    At the end the sums of its events.
    """
    async with AsyncExitStack() as held:
        followers: list[Follower] = []
        if part.topic is not None:
            followers.append(await held.enter_async_context(topic_audit(part.topic)))
        settled = None
        if part.settled is not None:
            settled = await held.enter_async_context(settled_audit(part.settled))
            followers.append(settled)
        async for _, found in wallet_ledger.checking.check_part(part.part, followers):
            yield found
        if settled is not None:
            yield settled.sums


@dataclass(frozen=True, slots=True)
class LogPart:
    """One partition of another log than the ledger's, and of its topic."""

    run: LiveRun
    service: str
    topic: TopicPart


async def check_log_part(part: LogPart) -> AsyncGenerator[Finding | int]:
    """Yield what is wrong in one partition of a log (9), its topic (10) and its views (7).

    So also in the ledger's views of other logs. Yields the positions reached, too.
    """
    topic, ledger = part.topic.topic, part.run.postgres[LEDGER]
    async with AsyncExitStack() as held:
        followers: list[Follower] = [await held.enter_async_context(topic_audit(part.topic))]
        if topic in SERVICES[LEDGER].consumes:
            followers.append(await held.enter_async_context(directory_audit(ledger, topic)))
        dsn = part.run.postgres[part.service]
        connection = await held.enter_async_context(connected_to_history(dsn))
        snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
        await held.enter_async_context(snapshot)
        if part.service in VIEWS_OF:
            followers.append(VIEWS_OF[part.service](connection))
        async for found in audit_partition(
            connection, part.service, part.topic.partition, followers
        ):
            yield found
