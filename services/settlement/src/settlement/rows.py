"""The rows of the views: what COPY writes, and what a checker compares."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class EntryRow(NamedTuple):
    """A line of view.entry; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    event_id: UUID
    kind: str
    member_id: str
    card_number: str | None
    store_id: str
    cashier_id: str | None
    saved: int
    paid: int
    balance: int


class ObligationRow(NamedTuple):
    """A line of view.obligation; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    event_id: UUID
    debtor: str
    creditor: str
    card_number: str | None
    amount: int


class MovementRow(NamedTuple):
    """A line of view.movement; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    store_id: str
    receivable: int
    liability: int
    issued: int


class TotalRow(NamedTuple):
    """What is added to a line of view.total; the fields are its columns, in order."""

    partition: int
    store_id: str
    receivable: int
    liability: int
    issued: int
    position: int
    recorded_at: datetime


class StoreRow(NamedTuple):
    """A line of view.store; the fields are its columns, in order."""

    store_id: str
    partition: int
    position: int
    recorded_at: datetime


class Rows(NamedTuple):
    """The rows that wallet events give."""

    entries: list[EntryRow]
    obligations: list[ObligationRow]
    movements: list[MovementRow]


NO_ROWS = Rows([], [], [])
