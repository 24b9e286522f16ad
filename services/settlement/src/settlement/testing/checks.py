"""The check of the views as a test calls it: a log in memory instead of the ledger's."""

from collections.abc import AsyncGenerator, Iterable

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


async def differences(dsn: str, ledger: Ledger, upto: Place | None = None) -> list[Difference]:
    """Return what the check finds in the rows of wallets' events."""
    wallets = in_order(ledger.events, WALLET.name)
    return [found async for found in check(dsn, wallets, upto)]


async def store_differences(dsn: str, ledger: Ledger) -> list[Difference]:
    """Return what the check finds in the list of stores."""
    stores = in_order(ledger.events, CATALOG.name)
    return [found async for found in check_stores(dsn, stores)]
