"""What catalog says in public: which stores there are. Name and address are business facts."""

from typing import Literal

from events.contracts.base import Id, PublicEvent

StoreKind = Literal["store", "reseller"]
StoreState = Literal["draft", "active"]


class StoreRegistered(PublicEvent):
    """A store joined the network; its id never changes."""

    store_id: Id
    name: str
    address: str
    kind: StoreKind
    state: StoreState


class StoreChanged(PublicEvent):
    """Name and address of a store, as they are from now on."""

    store_id: Id
    name: str
    address: str
