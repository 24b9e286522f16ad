"""Are identity's views what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncGenerator

import asyncpg

from events import log
from events.audit import Finding
from events.audit_views import Due, audit_rows
from events.contracts import identity
from events.log import RecordedEvent
from events.quickly import readable
from identity.config import PARTITION

MEMBERS = """
SELECT member_id, card_number, auto_save_consent, version, position, recorded_at FROM view.member
"""
STAFF = "SELECT username, role, store_id, version, position, recorded_at FROM view.staff"

Rows = dict[str, Due]


async def check(dsn: str) -> AsyncGenerator[Finding]:
    """Yield every row of the views that differs from a fold of the log, out of one snapshot."""
    connection = await asyncpg.connect(dsn)
    members: Rows = {}
    staff: Rows = {}
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            last = 0
            while events := await log.read(connection, PARTITION, last):
                for event in events:
                    fold(members, staff, event)
                last = events[-1].position
            views = (("member", members, MEMBERS), ("staff", staff, STAFF))
            for view, due, query in views:
                rows = [tuple(row.values()) for row in await connection.fetch(query)]
                for finding in audit_rows("identity", view, due, rows):
                    yield finding
    finally:
        await connection.close()


def fold(members: Rows, staff: Rows, event: RecordedEvent) -> None:
    """Apply one event to the rows that should be there; a broken log is another check's find."""

    def due(*row: object) -> Due:
        at = (event.version, event.position, event.recorded_at)
        return Due(event.partition, event.position, (*row, *at))

    envelope = readable(event.body)
    match None if envelope is None else envelope.data:
        case identity.MemberRegistered() as new:
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
