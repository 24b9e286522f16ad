"""Events of identity and catalog to what a till asks for: members by card, stores by id."""

from collections.abc import Sequence

from events.contracts import catalog, identity, lean
from events.dead_letters import Received
from events.log import Connection
from wallet_ledger.directory import FORGET

REGISTER = """
INSERT INTO view.member (wallet_id, card_number, auto_save_consent)
SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[])
"""

CONSENT = "UPDATE view.member SET auto_save_consent = $2 WHERE wallet_id = $1"

STORE = "INSERT INTO view.store (store_id, state) VALUES ($1, $2)"


MEMBER_REGISTERED = (lean.MemberRegistered, identity.MemberRegistered)


class UnexpectedEvent(ValueError):
    """A contract that these topics do not carry: a newer writer, never to be skipped."""


async def project(connection: Connection, events: Sequence[Received]) -> None:
    """Apply events of identity and catalog, in order, in the transaction that moves the place."""
    new: list[tuple[str, str, bool]] = []
    for event in events:
        if new and not isinstance(event.envelope.data, MEMBER_REGISTERED):
            await _register(connection, new)
        match event.envelope.data:
            case lean.MemberRegistered() | identity.MemberRegistered() as member:
                new.append((member.member_id, member.card_number, member.auto_save_consent))
            case identity.MemberConsentChanged(member_id=member_id, auto_save_consent=consent):
                await connection.execute(CONSENT, member_id, consent)
                await connection.execute(FORGET, member_id)
            case catalog.StoreRegistered(store_id=store_id, state=state):
                await connection.execute(STORE, store_id, state)
            case (
                identity.CashierRegistered()
                | identity.CashierMoved()
                | identity.OperatorRegistered()
                | identity.OperatorMoved()
                | catalog.StoreChanged()
            ):
                continue
            case _:
                raise UnexpectedEvent(event.envelope.type)
    if new:
        await _register(connection, new)


async def _register(connection: Connection, new: list[tuple[str, str, bool]]) -> None:
    """Write members who came one after the other, and forget them. Raises UniqueViolationError."""
    await connection.execute(REGISTER, *zip(*new, strict=True))
    new.clear()
