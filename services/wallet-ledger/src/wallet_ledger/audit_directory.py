"""Are the ledger's views of cards and stores what the logs of identity and catalog say?"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from events import places
from events.audit import Envelopes
from events.audit_views import Due, audit_rows
from events.connecting import connected
from events.contracts import catalog, identity, lean
from events.contracts.base import PublicEvent
from events.contracts.lean import AnyLeanEvent
from events.finding import Finding
from events.log import Connection, RecordedEvent
from events.topics import CATALOG, IDENTITY, Topic
from wallet_ledger.audit import SERVICE

MEMBERS = "SELECT * FROM view.member ORDER BY wallet_id"
STORES = "SELECT * FROM view.store ORDER BY store_id"

VIEWS: Final = {IDENTITY: ("member", MEMBERS), CATALOG: ("store", STORES)}
"""Topic -> the view that is a fold of it."""


@asynccontextmanager
async def directory_audit(dsn: str, topic: Topic) -> AsyncGenerator["DirectoryAudit"]:
    """Give an audit that follows the log of `topic`, of which a snapshot is taken only later.

    So that log holds all that the view was made of.
    """
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        known = await places.load(connection)
        reached = max((p.position for p in known if p.topic == topic.name), default=0)
        yield DirectoryAudit(connection, topic, reached)


class DirectoryAudit:
    """Folds the events of identity, or of catalog, up to where the ledger has read them."""

    def __init__(self, connection: Connection, topic: Topic, reached: int) -> None:
        self._connection = connection
        self._view, self._query = VIEWS[topic]
        self._reached = reached
        self._due: dict[str, Due] = {}

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes
    ) -> Sequence[Finding]:
        """Fold the next events; what differs shows at the end."""
        for event, envelope in zip(events, envelopes, strict=True):
            if envelope is not None and event.position <= self._reached:
                self._fold(event, envelope.data)
        return ()

    async def end(self) -> AsyncIterator[Finding]:
        """Yield where the view differs from the fold (7)."""
        found = [tuple(row.values()) for row in await self._connection.fetch(self._query)]
        for finding in audit_rows(SERVICE, self._view, self._due, found):
            yield finding

    def _fold(self, event: RecordedEvent, data: PublicEvent | AnyLeanEvent) -> None:
        at, due = (event.partition, event.position), self._due
        match data:
            case lean.MemberRegistered() | identity.MemberRegistered() as new:
                row = (new.member_id, new.card_number, new.auto_save_consent)
                due[new.member_id] = Due(*at, row)
            case identity.MemberConsentChanged() as changed if changed.member_id in due:
                kept = due[changed.member_id].row[:2]
                due[changed.member_id] = Due(*at, (*kept, changed.auto_save_consent))
            case catalog.StoreRegistered() as new:
                due[new.store_id] = Due(*at, (new.store_id, new.state))
            case _:
                return
