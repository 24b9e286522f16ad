"""Recorded events to the tables that are read: schema view, a fold of the log."""

from dataclasses import dataclass
from datetime import datetime

from events.contracts import PublicEvent, identity
from events.log import Connection

ADD_MEMBER = """
INSERT INTO view.member
    (version, partition, position, recorded_at, member_id, card_number, auto_save_consent)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
CHANGE_CONSENT = """
UPDATE view.member
SET version = $1, partition = $2, position = $3, recorded_at = $4, auto_save_consent = $6
WHERE member_id = $5
"""
ADD_STAFF = """
INSERT INTO view.staff (version, partition, position, recorded_at, username, role, store_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
MOVE_STAFF = """
UPDATE view.staff
SET version = $1, partition = $2, position = $3, recorded_at = $4, store_id = $6
WHERE username = $5
"""
EMPTY = ("DELETE FROM view.member", "DELETE FROM view.staff")


@dataclass(frozen=True, slots=True)
class At:
    """Where an event stands: its stream's version, its place in the log, its moment (UTC)."""

    version: int
    partition: int
    position: int
    recorded_at: datetime


async def project(connection: Connection, event: PublicEvent, at: At) -> None:
    """Apply one event of identity, inside the caller's transaction and after the append."""
    place = (at.version, at.partition, at.position, at.recorded_at)
    match event:
        case identity.MemberRegistered():
            row = (event.member_id, event.card_number, event.auto_save_consent)
            await connection.execute(ADD_MEMBER, *place, *row)
        case identity.MemberConsentChanged():
            row = (event.member_id, event.auto_save_consent)
            await connection.execute(CHANGE_CONSENT, *place, *row)
        case identity.CashierRegistered():
            row = (event.cashier_id, "cashier", event.store_id)
            await connection.execute(ADD_STAFF, *place, *row)
        case identity.OperatorRegistered():
            row = (event.username, "operator", event.store_id)
            await connection.execute(ADD_STAFF, *place, *row)
        case identity.CashierMoved():
            await connection.execute(MOVE_STAFF, *place, event.cashier_id, event.store_id)
        case identity.OperatorMoved():
            await connection.execute(MOVE_STAFF, *place, event.username, event.store_id)
        case _:
            raise TypeError(f"not an event of identity: {type(event).__name__}")


async def clear(connection: Connection) -> None:
    """Empty the views; DELETE, so that readers go on seeing the old rows until the commit."""
    for statement in EMPTY:
        await connection.execute(statement)
