"""Is the catalog's view what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncIterator, Sequence

from events.audit import Envelopes
from events.audit_views import Due, audit_rows
from events.contracts import catalog
from events.contracts.base import PublicEvent
from events.contracts.lean import AnyLeanEvent
from events.finding import Finding
from events.log import Connection, RecordedEvent

STORES = "SELECT store_id, name, address, kind, state, position, recorded_at FROM view.store"

Rows = dict[str, Due]


class ViewsAudit:
    """Folds the events of catalog's log as they stream by, then looks at its view."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stores: Rows = {}

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes
    ) -> Sequence[Finding]:
        """Fold the next events; what differs shows at the end."""
        for event, envelope in zip(events, envelopes, strict=True):
            if envelope is not None:
                fold(self._stores, event, envelope.data)
        return ()

    async def end(self) -> AsyncIterator[Finding]:
        """Yield every row of the view that differs from the fold (7)."""
        rows = [tuple(row.values()) for row in await self._connection.fetch(STORES)]
        for finding in audit_rows("catalog", "store", self._stores, rows):
            yield finding


def fold(stores: Rows, event: RecordedEvent, data: PublicEvent | AnyLeanEvent) -> None:
    """Apply one event to the rows that should be there."""
    at = (event.position, event.recorded_at)
    match data:
        case catalog.StoreRegistered() as new:
            row = (new.store_id, new.name, new.address, new.kind, new.state, *at)
            stores[new.store_id] = Due(event.partition, event.position, row)
        case catalog.StoreChanged() as changed if changed.store_id in stores:
            kept = stores[changed.store_id].row[3:5]
            row = (changed.store_id, changed.name, changed.address, *kept, *at)
            stores[changed.store_id] = Due(event.partition, event.position, row)
        case _:
            return
