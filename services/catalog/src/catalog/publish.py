"""Domain event <-> public contract: what is stored is what is published, so it goes both ways."""

from datetime import datetime
from uuid import UUID

from catalog.domain import Event, StoreChanged, StoreRegistered
from events.contracts import PublicEvent, catalog, name_of
from events.envelope import Cause, open_envelope, seal
from events.log import NewEvent

SOURCE = "catalog"


def to_contract(event: Event) -> PublicEvent:
    """Return the public form of `event`."""
    match event:
        case StoreRegistered(store_id, name, address, kind, state):
            return catalog.StoreRegistered(
                store_id=store_id, name=name, address=address, kind=kind, state=state
            )
        case StoreChanged(store_id, name, address):
            return catalog.StoreChanged(store_id=store_id, name=name, address=address)


def from_body(body: bytes) -> Event:
    """Return the domain event in stored bytes. Raises MalformedEvent or UnknownEventType."""
    match data := open_envelope(body).data:
        case catalog.StoreRegistered():
            return StoreRegistered(data.store_id, data.name, data.address, data.kind, data.state)
        case catalog.StoreChanged():
            return StoreChanged(data.store_id, data.name, data.address)
        case _:
            raise ForeignEvent(type(data).__name__)


class ForeignEvent(ValueError):
    """Another service's event stands in this log."""


def prepared(
    event: Event, *, event_id: UUID, version: int, time: datetime, cause: Cause
) -> NewEvent:
    """Return `event` as the log takes it: version `version` of its store's stream."""
    contract = to_contract(event)
    body = seal(
        contract,
        source=SOURCE,
        event_id=event_id,
        stream=event.store_id,
        version=version,
        time=time,
        cause=cause,
    )
    return NewEvent(event.store_id, version, name_of(contract), event_id, body)
