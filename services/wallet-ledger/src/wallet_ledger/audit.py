"""Is the ledger what it must be? Every event and every row of its views, against a fold."""

from collections.abc import AsyncIterator, Iterable, Sequence

from events.audit import Envelopes
from events.contracts import lean
from events.contracts import wallet as contract
from events.contracts.base import Postings, PublicEvent
from events.contracts.lean import AnyLeanEvent
from events.finding import Finding
from events.log import Connection, RecordedEvent
from events.quickly import readable
from wallet_ledger import domain
from wallet_ledger.audit_credits import CREDITS, credited
from wallet_ledger.domain import Posting, Wallet
from wallet_ledger.folding import COLUMNS, KEY_COLUMNS, NO_EVENTS, Fold, Row, View
from wallet_ledger.limits import beyond
from wallet_ledger.publish import NotAWalletEvent, from_contract

SERVICE = "wallet-ledger"

ROWS = "SELECT {columns} FROM view.{view} WHERE partition = $1"

ENTRIES = """
SELECT event_id::text, stream, position, body FROM log.event WHERE event_id = ANY ($1::uuid[])
"""

WALLET_EVENTS = (lean.TillEvent, contract.WalletEvent)
"""The lean form first: it is the usual one, and to ask whether something is a contract is slow."""

ADDS_MONEY = (domain.TopUp, domain.ChangeSaved)
"""There is nothing that they could exceed."""

Reversed = tuple[RecordedEvent, domain.EntryReversed]


class LedgerAudit:
    """Folds the wallets of one partition as their events stream by; then looks at the views."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self._fold = Fold(partition)
        self._newest: dict[str, int] = {}  # wallet id -> the position of its last event
        self._reversed: list[Reversed] = []

    async def take(
        self, events: Sequence[RecordedEvent], envelopes: Envelopes
    ) -> Sequence[Finding]:
        """Return what is wrong with the next events, given all before them."""
        found: list[Finding] = []
        wallets, newest = self._fold.wallets, self._newest
        for event, envelope in zip(events, envelopes, strict=True):
            if envelope is None:
                continue
            wallet_id, data = event.stream, envelope.data
            before = wallets.get(wallet_id, NO_EVENTS)
            if isinstance(data, CREDITS) and (after := credited(before, wallet_id, data)):
                wallets[wallet_id] = after
                newest[wallet_id] = event.position
                continue
            try:
                fact = from_contract(data)
            except NotAWalletEvent as error:
                found.append(self._finding(9, event, f"not an event of a wallet: {error}"))
                continue
            after, legs = domain.booked(before, wallet_id, fact)
            wallets[wallet_id] = after
            newest[wallet_id] = event.position
            if isinstance(fact, domain.EntryReversed):
                self._reversed.append((event, fact))
            for invariant, detail in faults(data, fact, before, after, legs):
                found.append(self._finding(invariant, event, detail))
        return found

    async def end(self) -> AsyncIterator[Finding]:
        """Yield wrong reversals, and rows of the ledger's own views that are not what is due."""
        for findings in (self._entries(), self._views()):
            async for finding in findings:
                yield finding

    def _finding(self, invariant: int, event: RecordedEvent, detail: str) -> Finding:
        return Finding(invariant, SERVICE, self._partition, event.position, event.stream, detail)

    async def _views(self) -> AsyncIterator[Finding]:
        """Yield the rows of the ledger's own views that are not what the fold says (7)."""
        for view, due in self._fold.rows().items():
            async for finding in self._rows(view, due):
                yield finding

    async def _rows(self, view: View, rows: Sequence[tuple[object, ...]]) -> AsyncIterator[Finding]:
        width = KEY_COLUMNS[view]
        due = {row[:width]: row[width:] for row in rows}
        query = ROWS.format(view=view, columns=", ".join(COLUMNS[view]))
        async for record in self._connection.cursor(query, self._partition, prefetch=5_000):
            row = tuple(record)
            key, found = row[:width], row[width:]
            expected = due.pop(key, None)
            if expected is None:
                detail = f"is {_shown(view, found)}, its events made no such row"
                yield self._row(view, key, detail)
            elif expected != found:
                yield self._row(view, key, _unlike(view, found, expected))
        for key, expected in due.items():
            yield self._row(view, key, f"is missing, it should be {_shown(view, expected)}")

    def _row(self, view: View, key: tuple[object, ...], detail: str) -> Finding:
        wallet_id = str(key[1])
        last = self._newest.get(wallet_id)
        said = " ".join([f"view.{view}:", *map(str, key[2:]), detail])
        return Finding(7, SERVICE, self._partition, last, wallet_id, said)

    async def _entries(self) -> AsyncIterator[Finding]:
        """Yield the reversals that do not undo, once, an earlier entry of their wallet (4)."""
        ids = list({fact.entry.event_id for _, fact in self._reversed})
        found = {row["event_id"]: row for row in await self._connection.fetch(ENTRIES, ids)}
        undone: set[str] = set()
        for event, fact in self._reversed:
            entry = fact.entry
            row = found.get(entry.event_id)
            if row is None or row["stream"] != event.stream or row["position"] >= event.position:
                detail = f"it undoes {entry.event_id}, which is no earlier entry of this wallet"
                yield self._finding(4, event, detail)
            elif _entry_in(entry.event_id, row["body"]) != entry:
                yield self._finding(4, event, f"it undoes other than {entry.event_id} was")
            elif entry.event_id in undone:
                yield self._finding(4, event, f"{entry.event_id} was undone before")
            undone.add(entry.event_id)


def _entry_in(event_id: str, body: bytes) -> domain.Entry | None:
    envelope = readable(body)
    try:
        fact = None if envelope is None else from_contract(envelope.data)
        if not isinstance(fact, domain.TillEvent):
            return None
        return domain.entry_of(event_id, fact)
    except (NotAWalletEvent, domain.NotReversible):
        return None


def _shown(view: View, values: Row) -> str:
    if view == "wallet":
        return ", ".join(f"{name} {value}" for name, value in _by_name(values).items())
    return ", ".join(map(str, values))


def _unlike(view: View, found: Row, due: Row) -> str:
    """Return what of a row is not what its events say; of a wallet's the differences alone."""
    if view != "wallet":
        return f"is {_shown(view, found)}, its events say {_shown(view, due)}"
    is_, says = _by_name(found), _by_name(due)
    other = [name for name in sorted({*is_, *says}) if is_.get(name) != says.get(name)]
    if not other:
        return "has its buckets in another form or order than it is written in"
    told = (f"{name} is {is_.get(name, 0)}, its events say {says.get(name, 0)}" for name in other)
    return "; ".join(told)


def _by_name(wallet: Row) -> dict[str, int]:
    version, issuers, balances = wallet
    buckets = zip(issuers, balances, strict=False)  # what somebody else wrote may have any length
    return {"version": version, **{f"bucket {issuer}": held for issuer, held in buckets}}


def faults(
    data: PublicEvent | AnyLeanEvent,
    fact: domain.Event,
    before: Wallet,
    after: Wallet,
    legs: Sequence[Posting],
) -> Iterable[tuple[int, str]]:
    """Return (invariant, what is wrong) of one event between the wallets that it lies between.

    `legs` is its double entry by the rules.
    """
    assert isinstance(data, WALLET_EVENTS)
    exceeds = () if isinstance(fact, ADDS_MONEY) else beyond(fact, before, data)
    found = [(4, detail) for detail in exceeds]
    if not same_postings(data.postings, legs):
        total = sum(posting.amount for posting in data.postings)
        why = "are not those of what happened" if total == 0 else f"sum to {total}"
        found.append((1, f"the postings {why}"))
    if after.buckets and min(after.buckets.values()) < 0:
        below = ((issuer, balance) for issuer, balance in after.buckets.items() if balance < 0)
        found += [(2, f"bucket {issuer} falls to {balance}") for issuer, balance in below]
    if data.balance != after.balance:
        found.append((3, f"it says a balance of {data.balance}, the fold {after.balance}"))
    return found


def same_postings(said: Sequence[lean.Posting] | Postings, due: Sequence[Posting]) -> bool:
    """Tell whether an event says the double entry that the rules make of it, leg by leg."""
    if len(said) != len(due):
        return False
    for one, other in zip(said, due, strict=True):
        if one.amount != other.amount or one.account != other.account:
            return False
    return True
