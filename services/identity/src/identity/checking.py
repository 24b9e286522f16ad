"""Are identity's views what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncIterator, Sequence

from events.audit import Envelopes
from events.audit_views import Due, audit_rows
from events.contracts import identity, lean
from events.contracts.base import PublicEvent
from events.contracts.lean import AnyLeanEvent
from events.finding import Finding
from events.log import Connection, RecordedEvent

MEMBERS = """
SELECT member_id, card_number, auto_save_consent, version, position, recorded_at FROM view.member
"""
STAFF = "SELECT username, role, store_id, version, position, recorded_at FROM view.staff"

Rows = dict[str, Due]


class ViewsAudit:
    """Folds the events of identity's log as they stream by, then looks at its views."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._members: Rows = {}
        self._staff: Rows = {}

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes
    ) -> Sequence[Finding]:
        """Fold the next events; what differs shows at the end."""
        for event, envelope in zip(events, envelopes, strict=True):
            if envelope is not None:
                fold(self._members, self._staff, event, envelope.data)
        return ()

    async def end(self) -> AsyncIterator[Finding]:
        """Yield every row of the views that differs from the fold (7)."""
        for view, due, query in (
            ("member", self._members, MEMBERS),
            ("staff", self._staff, STAFF),
        ):
            rows = [tuple(row.values()) for row in await self._connection.fetch(query)]
            for finding in audit_rows("identity", view, due, rows):
                yield finding


def fold(
    members: Rows, staff: Rows, event: RecordedEvent, data: PublicEvent | AnyLeanEvent
) -> None:
    """Apply one event to the rows that should be there."""

    def due(*row: object) -> Due:
        at = (event.version, event.position, event.recorded_at)
        return Due(event.partition, event.position, (*row, *at))

    match data:
        case lean.MemberRegistered() | identity.MemberRegistered() as new:
            row = (new.member_id, new.card_number, new.auto_save_consent)
            members[new.member_id] = due(*row)
        case identity.MemberConsentChanged() as changed if changed.member_id in members:
            kept = members[changed.member_id].row[:2]
            members[changed.member_id] = due(*kept, changed.auto_save_consent)
        case identity.CashierRegistered() as new:
            staff[new.cashier_id] = due(new.cashier_id, "cashier", new.store_id)
        case identity.OperatorRegistered() as new:
            staff[new.username] = due(new.username, "operator", new.store_id)
        case identity.CashierMoved() as moved:
            staff[moved.cashier_id] = due(moved.cashier_id, "cashier", moved.store_id)
        case identity.OperatorMoved() as moved:
            staff[moved.username] = due(moved.username, "operator", moved.store_id)
        case _:
            return
