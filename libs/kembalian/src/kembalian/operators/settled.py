"""Settlement as `kembalian verify` sees it: its rows against a fold, its sums against ours."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import settlement.checking
from events.audit import Finding
from events.parallel import processes_for, spread
from events.received import Received
from events.topics import WALLET
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import consumed, events_of, events_until, place_in, size
from kembalian.operators.speaking import Tell
from kembalian.operators.sums import Sums
from settlement.comparing import Difference
from settlement.domain import Position
from settlement.streams import seen_now, shared


@dataclass(frozen=True, slots=True)
class SettledPart:
    """One partition of the ledger in settlement's views: an item of work for another process."""

    settlement_dsn: str
    ledger_dsn: str
    snapshot: str
    partition: int
    end: int


async def check_settled(run: LiveRun, tell: Tell) -> AsyncGenerator[Finding]:
    """Check settlement's rows against a fold (7), then its sums against ours (3, 5)."""
    dsn, ledger = run.postgres["settlement"], run.postgres["wallet-ledger"]
    upto = place_in(await consumed(run, "settlement"), WALLET)
    sums, done, total = Sums(), dict[int, int](), size(upto)
    async with seen_now(dsn, WALLET.name) as seen:
        end, snapshot = settlement.checking.end_of(seen, upto), await shared(seen)
        longest = sorted(end.positions, key=lambda at: -at[1])
        parts = [SettledPart(dsn, ledger, snapshot, *at) for at in longest]
        async for found in spread(check_settled_part, parts, processes_for(total)):
            match found:
                case Difference():
                    yield _finding(found)
                case Sums():
                    sums.add(found)
                case (partition, position):
                    done[partition] = position
                    tell(sum(done.values()), total)
        async for difference in settlement.checking.check_beside(seen):
            yield _finding(difference)
    async for difference in settlement.checking.check_stores(dsn, events_of(run, "catalog")):
        yield _finding(difference)
    for finding in disagreements(sums, await settlement.checking.positions(dsn, upto)):
        yield finding


async def check_settled_part(
    part: SettledPart,
) -> AsyncGenerator[Difference | Sums | tuple[int, int]]:
    """Yield the differences of one partition and (it, position reached), at the end its sums."""
    sums = Sums()
    events = events_until(part.ledger_dsn, WALLET, part.partition, part.end)
    async with seen_now(part.settlement_dsn, WALLET.name, part.snapshot) as seen:
        async for found in settlement.checking.check_partition(
            seen, part.partition, part.end, _summed(events, sums)
        ):
            yield found if isinstance(found, Difference) else (part.partition, found)
    yield sums


async def _summed(
    batches: AsyncIterable[Sequence[Received]], sums: Sums
) -> AsyncGenerator[Sequence[Received]]:
    """Pass events on and add them up."""
    async for batch in batches:
        for event in batch:
            sums.take(event)
        yield batch


def disagreements(sums: Sums, found: Mapping[str, Position]) -> Iterator[Finding]:
    """Yield where a store's position is not what the events add up to, and nets that do not."""
    for store in sorted(sums.stores() | set(found)):
        has = found.get(store, Position())
        if has.issued != sums.issued[store]:
            detail = f"issued is {has.issued}, the events say {sums.issued[store]}"
            yield Finding(3, "settlement", None, None, store, detail)
        there, due = (
            (has.receivable, has.liability),
            (sums.receivable(store), sums.liability(store)),
        )
        if there != due:
            detail = f"receivable and liability are {there}, the events say {due}"
            yield Finding(5, "settlement", None, None, store, detail)
    net = sum(position.net for position in found.values())
    if net:
        yield Finding(5, "settlement", None, None, None, f"the nets of all stores sum to {net}")


def _finding(row: Difference) -> Finding:
    detail = f"{row.kind} row in {row.detail}"
    return Finding(7, "settlement", row.partition, row.position, row.stream, detail)
