"""The answers as they are sent: the fields of api and reports, in order; amounts are rupiah."""

from asyncpg import Record
from pydantic import BaseModel, ConfigDict, Field

from settlement.domain import Position
from settlement.queries import Statement
from settlement.snapshots import Snapshot
from settlement.transactions import Line
from web.periods import Period, timestamp


class Answer(BaseModel):
    """An answer, made once and never changed."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


class PositionItem(Answer):
    """A store's position = `receivable` - `liability` - `issued`; `net` is without `issued`."""

    store_id: str
    receivable: int
    liability: int
    net: int
    issued: int
    position: int
    deposit: int


class Positions(Answer):
    """Every store of the catalog and `platform`, by id."""

    items: list[PositionItem]
    as_of: str
    ledger_position: str


class TransactionItem(Answer):
    """One entry of a store, and the store's position after it; no till, no card and cashier."""

    event_id: str
    at: str
    card_number: str | None
    cashier_id: str | None
    kind: str
    saved: int
    redeemed: int
    position: int


class Transactions(Answer):
    """A page of a store's entries, oldest first."""

    items: list[TransactionItem]
    next_cursor: str | None


class MemberRow(Answer):
    """One entry of a member, and the balance over all stores after it."""

    at: str
    store_id: str
    kind: str
    saved: int
    paid: int
    balance: int


class MemberTotals(Answer):
    """What was saved and paid within the period."""

    saved: int
    paid: int


class MemberReport(Answer):
    """A member's entries of a period, oldest first."""

    first: str = Field(alias="from")
    last: str = Field(alias="to")
    as_of: str
    ledger_position: str
    opening: int
    rows: list[MemberRow]
    totals: MemberTotals
    closing: int


class DebtRow(Answer):
    """What `debtor` owes `creditor` since one spending; negative = no longer, after its refund."""

    at: str
    debtor: str
    creditor: str
    card_number: str | None
    amount: int
    event_id: str


class DebtReport(Answer):
    """A store's receivables or liabilities of a period, oldest first."""

    store_id: str
    first: str = Field(alias="from")
    last: str = Field(alias="to")
    as_of: str
    ledger_position: str
    rows: list[DebtRow]
    total: int


def positions(snapshot: Snapshot, found: dict[str, Position]) -> Positions:
    """Return the list of positions, by store id."""
    items = [
        PositionItem(
            store_id=store_id,
            receivable=p.receivable,
            liability=p.liability,
            net=p.net,
            issued=p.issued,
            position=p.position,
            deposit=0,  # no store has paid one in: deposits come with the windows of settlement
        )
        for store_id, p in sorted(found.items())
    ]
    return Positions(items=items, **_state(snapshot))


def transaction(line: Line) -> TransactionItem:
    """Return one entry of a store."""
    return TransactionItem(
        event_id=str(line.row["event_id"]),
        at=timestamp(line.row["recorded_at"]),
        card_number=line.row["card_number"],
        cashier_id=line.row["cashier_id"],
        kind=line.row["kind"],
        saved=line.row["saved"],
        redeemed=line.row["paid"],
        position=line.running,
    )


def member_report(snapshot: Snapshot, period: Period, found: Statement) -> MemberReport:
    """Return a member's statement; `closing` is the balance after its last row."""
    rows = [
        MemberRow(
            at=timestamp(row["recorded_at"]),
            store_id=row["store_id"],
            kind=row["kind"],
            saved=row["saved"],
            paid=row["paid"],
            balance=row["balance"],
        )
        for row in found.rows
    ]
    return MemberReport(
        **_days(period),
        **_state(snapshot),
        opening=found.opening,
        rows=rows,
        totals=MemberTotals(saved=sum(r.saved for r in rows), paid=sum(r.paid for r in rows)),
        closing=rows[-1].balance if rows else found.opening,
    )


def debt_report(
    snapshot: Snapshot, store_id: str, period: Period, found: list[Record]
) -> DebtReport:
    """Return a store's receivables or liabilities, with their sum."""
    rows = [
        DebtRow(
            at=timestamp(row["recorded_at"]),
            debtor=row["debtor"],
            creditor=row["creditor"],
            card_number=row["card_number"],
            amount=row["amount"],
            event_id=str(row["event_id"]),
        )
        for row in found
    ]
    return DebtReport(
        store_id=store_id,
        **_days(period),
        **_state(snapshot),
        rows=rows,
        total=sum(row.amount for row in rows),
    )


def _days(period: Period) -> dict[str, str]:
    return {"first": str(period.first), "last": str(period.last)}


def _state(snapshot: Snapshot) -> dict[str, str]:
    return {"as_of": timestamp(snapshot.as_of), "ledger_position": str(snapshot.place)}
