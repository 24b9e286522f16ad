"""The check of the views as a test calls it: a log in memory instead of the ledger's."""

from collections.abc import AsyncGenerator, Iterable

from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET
from settlement.checking import PartitionCheck, check_beside, check_stores, end_of
from settlement.comparing import Difference
from settlement.streams import seen_now
from settlement.testing.ledger import Ledger


async def in_order(events: Iterable[Received], topic: str) -> AsyncGenerator[Received]:
    """Yield the events of one topic by partition and position, as a log is read."""
    of_topic = [event for event in events if event.topic == topic]
    for event in sorted(of_topic, key=lambda e: (e.partition, e.position)):
        yield event


async def differences(
    dsn: str, ledger: Ledger, upto: Place | None = None, batch: int = 2
) -> list[Difference]:
    """Return what differs in the rows of wallets' events, read so many at a time.

    The pieces of `kembalian verify`, one after the other and in one state of the views.
    """
    found: list[Difference] = []
    async with seen_now(dsn, WALLET.name) as seen:
        for partition, end in end_of(seen, upto).positions:
            of_partition = PartitionCheck(seen, partition, end)
            in_log = in_order(ledger.events, WALLET.name)
            events = [event async for event in in_log if event.partition == partition]
            for first in range(0, len(events), batch):
                found += await of_partition.take(events[first : first + batch])
            found += await of_partition.rest()
        found += [difference async for difference in check_beside(seen)]
    return found


async def store_differences(dsn: str, ledger: Ledger) -> list[Difference]:
    """Return what the check finds in the list of stores."""
    stores = in_order(ledger.events, CATALOG.name)
    return [found async for found in check_stores(dsn, stores)]
