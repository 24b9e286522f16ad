"""Are identity's views what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncGenerator
from typing import Any

import asyncpg

from events import log
from events.audit import Finding, audit_rows
from events.contracts import identity
from events.envelope import open_envelope
from events.log import RecordedEvent
from identity.config import PARTITION

MEMBERS = """
SELECT member_id, card_number, auto_save_consent, version, position, recorded_at FROM view.member
"""
STAFF = "SELECT username, role, store_id, version, position, recorded_at FROM view.staff"

Rows = dict[str, tuple[Any, ...]]


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
    """Apply one event to the rows that should be there."""
    at = (event.version, event.position, event.recorded_at)
    match open_envelope(event.body).data:
        case identity.MemberRegistered() as new:
            members[new.member_id] = (new.member_id, new.card_number, new.auto_save_consent, *at)
        case identity.MemberConsentChanged() as changed:
            kept = members[changed.member_id][:2]
            members[changed.member_id] = (*kept, changed.auto_save_consent, *at)
        case identity.CashierRegistered() as new:
            staff[new.cashier_id] = (new.cashier_id, "cashier", new.store_id, *at)
        case identity.OperatorRegistered() as new:
            staff[new.username] = (new.username, "operator", new.store_id, *at)
        case identity.CashierMoved() as moved:
            staff[moved.cashier_id] = (moved.cashier_id, "cashier", moved.store_id, *at)
        case identity.OperatorMoved() as moved:
            staff[moved.username] = (moved.username, "operator", moved.store_id, *at)
        case _:
            return
