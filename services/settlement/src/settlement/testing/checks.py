"""The check of the views as a test calls it: a log in memory instead of the ledger's."""

from collections.abc import AsyncGenerator, Iterable, Sequence

from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET
from settlement.operations import Difference, check, check_stores
from settlement.testing.ledger import Ledger


async def in_order(events: Iterable[Received], topic: str) -> AsyncGenerator[Received]:
    """Yield the events of one topic by partition and position, as a log is read."""
    of_topic = [event for event in events if event.topic == topic]
    for event in sorted(of_topic, key=lambda e: (e.partition, e.position)):
        yield event


async def differences(
    dsn: str, ledger: Ledger, upto: Place | None = None, batch: int = 2
) -> list[Difference]:
    """Return what the check finds in the rows of wallets' events, read so many at a time."""

    async def of_partition(partition: int) -> AsyncGenerator[Sequence[Received]]:
        found = [e async for e in in_order(ledger.events, WALLET.name) if e.partition == partition]
        for first in range(0, len(found), batch):
            yield found[first : first + batch]

    return [found async for found in check(dsn, of_partition, upto)]


async def store_differences(dsn: str, ledger: Ledger) -> list[Difference]:
    """Return what the check finds in the list of stores."""
    stores = in_order(ledger.events, CATALOG.name)
    return [found async for found in check_stores(dsn, stores)]
