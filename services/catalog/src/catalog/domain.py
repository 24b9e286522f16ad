"""A store's life: commands, events, the decision between them, and what they add up to."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, TypeAlias

StoreKind = Literal["store", "reseller"]
StoreState = Literal["draft", "active"]


class Rejected(Exception):
    """A business refusal: the command is understood, and the answer is no."""


class StoreExists(Rejected):
    """The store id is taken; it is a store's for ever."""


class StoreUnknown(Rejected):
    """There is no store with this id."""


@dataclass(frozen=True, slots=True)
class RegisterStore:
    """Make a store, or a reseller, known to the network."""

    store_id: str
    name: str
    address: str
    kind: StoreKind


@dataclass(frozen=True, slots=True)
class ChangeStore:
    """Correct what people read about a store; None = leave it as it is."""

    store_id: str
    name: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class StoreRegistered:
    """A store joined the network."""

    store_id: str
    name: str
    address: str
    kind: StoreKind
    state: StoreState


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """Name and address, as they are from now on."""

    store_id: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Store:
    """A store as its events made it."""

    store_id: str
    name: str
    address: str
    kind: StoreKind
    state: StoreState


Command: TypeAlias = RegisterStore | ChangeStore
Event: TypeAlias = StoreRegistered | StoreChanged

FIRST_STATE: dict[StoreKind, StoreState] = {
    "store": "active",  # made by an admin, its till works at once
    "reseller": "draft",  # nothing unapproved is public
}


def decide(store: Store | None, command: Command) -> list[Event]:
    """Return the events that `command` causes, [] if it changes nothing. Raises Rejected."""
    match command:
        case RegisterStore(store_id, name, address, kind):
            if store is not None:
                raise StoreExists(store_id)
            return [StoreRegistered(store_id, name, address, kind, FIRST_STATE[kind])]
        case ChangeStore(store_id, name, address):
            if store is None:
                raise StoreUnknown(store_id)
            changed = StoreChanged(
                store_id,
                store.name if name is None else name,
                store.address if address is None else address,
            )
            return [] if evolve(store, changed) == store else [changed]


def evolve(store: Store | None, event: Event) -> Store:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    match event:
        case StoreRegistered(store_id, name, address, kind, state):
            return Store(store_id, name, address, kind, state)
        case StoreChanged(_, name, address):
            assert store is not None, "a store's first event registers it"
            return replace(store, name=name, address=address)


def fold(events: list[Event], store: Store | None = None) -> Store | None:
    """Return the store after `events`, None before the first one."""
    return reduce(evolve, events, store)
