"""Domain events to what is published and stored: contract, envelope, stream. Pure."""

from datetime import datetime
from uuid import UUID

from events.contracts import PublicEvent, identity, name_of
from events.envelope import Cause, seal
from events.log import NewEvent
from identity.domain import (
    ConsentChanged,
    MemberEvent,
    MemberRegistered,
    StaffEvent,
    StaffMoved,
    StaffRegistered,
)

SOURCE = "identity"


def contract_of(event: MemberEvent | StaffEvent) -> PublicEvent:
    """Return what the house is told of `event`: ids, card and consent, never a name."""
    match event:
        case MemberRegistered(member_id, card_number, consent):
            return identity.MemberRegistered(
                member_id=member_id, card_number=card_number, auto_save_consent=consent
            )
        case ConsentChanged(member_id, consent):
            return identity.MemberConsentChanged(member_id=member_id, auto_save_consent=consent)
        case StaffRegistered(role, username, store_id):
            if role == "cashier":
                return identity.CashierRegistered(cashier_id=username, store_id=store_id)
            return identity.OperatorRegistered(username=username, store_id=store_id)
        case StaffMoved(role, username, store_id):
            if role == "cashier":
                return identity.CashierMoved(cashier_id=username, store_id=store_id)
            return identity.OperatorMoved(username=username, store_id=store_id)


def stream_of(event: MemberEvent | StaffEvent) -> str:
    """Return the stream: the member id, or the role and the user name."""
    match event:
        case MemberRegistered() | ConsentChanged():
            return event.member_id
        case StaffRegistered() | StaffMoved():
            return f"{event.role}:{event.username}"


def new_event(
    event: MemberEvent | StaffEvent, *, version: int, event_id: UUID, time: datetime, cause: Cause
) -> NewEvent:
    """Return the event as the log takes it; `version` is the stream's after it."""
    contract, stream = contract_of(event), stream_of(event)
    body = seal(
        contract,
        source=SOURCE,
        event_id=event_id,
        stream=stream,
        version=version,
        time=time,
        cause=cause,
    )
    return NewEvent(stream, version, name_of(contract), event_id, body)
