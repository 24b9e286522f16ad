"""Positions out of the ledger's events alone, without a view: for whoever does not trust one."""

from collections.abc import Callable

from events.place import Place
from events.quickly import open_quickly
from events.source import Source
from settlement.domain import Position, moved_by, movements
from settlement.meaning import MOVES_NOTHING, Moving, UnknownEvent, balance_event


async def positions_of(
    source: Source, place: Place, progress: Callable[[int, int], None]
) -> dict[str, Position]:
    """Return store -> position after all events of `place`.

    Raises SourceEnded, MalformedEvent, UnknownEventType, UnknownEvent.
    """
    positions: dict[str, Position] = {}
    done, total = 0, sum(position for _, position in place.positions)
    for partition, until in place.positions:
        async for reads in source.batches(partition, 0, until):
            for read in reads:
                data = open_quickly(read.body).data
                if isinstance(data, MOVES_NOTHING):
                    continue
                if not isinstance(data, Moving):
                    raise UnknownEvent(type(data).__name__)
                for movement in movements(balance_event(data)):
                    before = positions.get(movement.store_id, Position())
                    positions[movement.store_id] = moved_by(before, movement)
            done += len(reads)
            progress(done, total)
    return positions
