"""Settlement as `kembalian verify` sees it: its rows against a fold, its sums against ours."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import settlement.checking
from events.audit import Envelopes
from events.finding import Finding
from events.log import RecordedEvent
from events.place import Place
from events.received import Received
from events.topics import WALLET
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import consumed, events_of, place_in
from kembalian.operators.sums import Sums
from settlement.checking import PartitionCheck
from settlement.comparing import Difference
from settlement.domain import Position
from settlement.streams import seen_now, shared

Added: TypeAlias = Sums | Mapping[str, Position]
"""What a piece adds up, besides its findings: events, or settlement's own positions by store."""


@dataclass(frozen=True, slots=True)
class SettledPart:
    """One partition of the ledger in settlement's views."""

    run: LiveRun
    snapshot: str
    partition: int
    end: int


@dataclass(frozen=True, slots=True)
class SettledRest:
    """What in settlement's views is of no single partition."""

    run: LiveRun
    snapshot: str
    upto: Place


@asynccontextmanager
async def settled_parts(
    run: LiveRun,
) -> AsyncGenerator[tuple[Mapping[int, SettledPart], SettledRest]]:
    """Give all of settlement's views, which stand still meanwhile: by partition, and the rest.

    A snapshot of the ledger that is taken later holds all that they were made of.
    """
    upto = place_in(await consumed(run, "settlement"), WALLET)
    async with seen_now(run.postgres["settlement"], WALLET.name) as seen:
        end, snapshot = settlement.checking.end_of(seen, upto), await shared(seen)
        yield (
            {p: SettledPart(run, snapshot, p, at) for p, at in end.positions},
            SettledRest(run, snapshot, end),
        )


@asynccontextmanager
async def settled_audit(part: SettledPart) -> AsyncGenerator["SettledAudit"]:
    """Give an audit of one partition in settlement's views that follows the ledger's log."""
    dsn = part.run.postgres["settlement"]
    async with seen_now(dsn, WALLET.name, part.snapshot) as seen:
        yield SettledAudit(PartitionCheck(seen, part.partition, part.end), part.partition)


class SettledAudit:
    """Compares settlement's rows with the events as they stream by (7), and adds these up."""

    def __init__(self, check: PartitionCheck, partition: int) -> None:
        self._check = check
        self._partition = partition
        self.sums = Sums()

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes
    ) -> Sequence[Finding]:
        """Return what differs in the rows of the next events."""
        name, partition, end = WALLET.name, self._partition, self._check.end
        batch = [
            Received(name, partition, event.position, event.recorded_at, envelope)
            for event, envelope in zip(events, envelopes, strict=True)
            if envelope is not None and event.position <= end
        ]
        self.sums.take(batch)
        return [_finding(difference) for difference in await self._check.take(batch)]

    async def end(self) -> AsyncIterator[Finding]:
        """Yield the rows that are of no event."""
        for difference in await self._check.rest():
            yield _finding(difference)


async def check_rest(rest: SettledRest) -> AsyncGenerator[Finding | Added]:
    """Yield what differs in sums and stores (7), at the end settlement's positions."""
    dsn = rest.run.postgres["settlement"]
    async with seen_now(dsn, WALLET.name, rest.snapshot) as seen:
        async for difference in settlement.checking.check_beside(seen):
            yield _finding(difference)
        found = await settlement.checking.positions_of(seen, rest.upto)
    stores = events_of(rest.run, "catalog")
    async for difference in settlement.checking.check_stores(dsn, stores):
        yield _finding(difference)
    yield found


@dataclass(slots=True)
class Settled:
    """What the pieces added up: our sums of the events, and settlement's positions."""

    sums: Sums = field(default_factory=Sums)
    positions: dict[str, Position] = field(default_factory=dict[str, Position])

    def take(self, added: Added) -> None:
        """Take what one piece added up."""
        if isinstance(added, Sums):
            self.sums.add(added)
        else:
            self.positions.update(added)

    def disagreements(self) -> Iterator[Finding]:
        """Yield where a position is not what the events add up to (3, 5), and wrong nets (5)."""
        for store in sorted(self.sums.stores() | set(self.positions)):
            has = self.positions.get(store, Position())
            if has.issued != self.sums.issued[store]:
                detail = f"issued is {has.issued}, the events say {self.sums.issued[store]}"
                yield Finding(3, "settlement", None, None, store, detail)
            there = (has.receivable, has.liability)
            due = (self.sums.receivable(store), self.sums.liability(store))
            if there != due:
                detail = f"receivable and liability are {there}, the events say {due}"
                yield Finding(5, "settlement", None, None, store, detail)
        net = sum(position.net for position in self.positions.values())
        if net:
            yield Finding(5, "settlement", None, None, None, f"the nets of all stores sum to {net}")


def _finding(row: Difference) -> Finding:
    detail = f"{row.kind} row in {row.detail}"
    return Finding(7, "settlement", row.partition, row.position, row.stream, detail)
