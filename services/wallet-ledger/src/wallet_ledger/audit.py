"""Is the ledger what it must be? Every event, every bucket, every kept answer, against a fold."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from events.audit import Finding
from events.contracts import wallet as contract
from events.envelope import Envelope
from events.log import Connection, RecordedEvent
from wallet_ledger import domain
from wallet_ledger.publish import NotAWalletEvent, from_contract

SERVICE = "wallet-ledger"

BUCKETS = """
SELECT wallet_id, issuer, balance FROM view.bucket WHERE partition = $1 ORDER BY wallet_id, issuer
"""

ANSWERS = """
WITH acknowledged AS (
    SELECT caller, key,
        (convert_from(answer, 'UTF8')::jsonb ->> 'event_id')::uuid AS event_id,
        convert_from(answer, 'UTF8')::jsonb ->> 'ledger_position' AS place
    FROM log.outcome WHERE status = 201
), counted AS (
    SELECT event_id, count(*) AS times, min(place) AS place, min(key) AS key
    FROM acknowledged GROUP BY event_id
)
SELECT coalesce(e.partition, split_part(a.place, '-', 1)::smallint) AS partition,
    coalesce(e.position, split_part(a.place, '-', 2)::bigint) AS position,
    e.position IS NULL AS lost, e.stream, a.key, a.times, a.place
FROM counted a FULL JOIN log.event e ON e.event_id = a.event_id
WHERE e.event_id IS NULL OR a.event_id IS NULL OR a.times <> 1
    OR a.place <> e.partition || '-' || e.position
"""


@dataclass(slots=True)
class LedgerAudit:
    """Folds the wallets of one partition as their events stream by."""

    partition: int
    wallets: dict[str, domain.Wallet] = field(default_factory=dict[str, domain.Wallet])
    newest: dict[str, int] = field(default_factory=dict[str, int])
    """Wallet id -> the position of its last event."""

    def take(self, event: RecordedEvent, envelope: Envelope) -> Iterator[Finding]:
        """Yield what is wrong with one event, given all before it."""
        try:
            fact = from_contract(envelope.data)
        except NotAWalletEvent as error:
            yield self._finding(9, event, f"not an event of a wallet: {error}")
            return
        after = domain.evolve(self.wallets.get(event.stream, domain.Wallet()), fact)
        self.wallets[event.stream], self.newest[event.stream] = after, event.position
        for invariant, detail in faults(event.stream, envelope, fact, after):
            yield self._finding(invariant, event, detail)

    def _finding(self, invariant: int, event: RecordedEvent, detail: str) -> Finding:
        return Finding(invariant, SERVICE, self.partition, event.position, event.stream, detail)

    async def buckets(self, connection: Connection) -> AsyncIterator[Finding]:
        """Yield the rows of view.bucket that are not what the fold says (invariant 7)."""
        due = {
            (wallet_id, issuer): balance
            for wallet_id, wallet in self.wallets.items()
            for issuer, balance in wallet.buckets.items()
        }
        async for row in connection.cursor(BUCKETS, self.partition, prefetch=2_000):
            wallet_id, issuer, balance = row.values()
            expected = due.pop((wallet_id, issuer), None)
            if expected != balance:
                detail = f"bucket {issuer} holds {balance}, its events say {expected}"
                yield self._bucket(wallet_id, detail)
        for (wallet_id, issuer), balance in due.items():
            yield self._bucket(wallet_id, f"bucket {issuer} is missing, it should hold {balance}")

    def _bucket(self, wallet_id: str, detail: str) -> Finding:
        last = self.newest.get(wallet_id)
        return Finding(7, SERVICE, self.partition, last, wallet_id, f"view.bucket: {detail}")


def faults(
    wallet_id: str, envelope: Envelope, fact: domain.Event, after: domain.Wallet
) -> Iterator[tuple[int, str]]:
    """Yield (invariant, what is wrong) of one event; `after` is the wallet it leaves."""
    data = envelope.data
    assert isinstance(data, contract.WalletEvent)  # from_contract has refused all else
    total = sum(posting.amount for posting in data.postings)
    if total != 0:
        yield 1, f"the postings sum to {total}"
    due = [(p.account, p.amount) for p in domain.postings(wallet_id, fact)]
    if total == 0 and [(p.account, p.amount) for p in data.postings] != due:
        yield 1, "the postings are not those of what happened"
    for issuer, balance in after.buckets.items():
        if balance < 0:
            yield 2, f"bucket {issuer} falls to {balance}"
    if isinstance(fact, domain.ChangeRedeemed | domain.CashedOut):
        allocated = sum(allocation.amount for allocation in fact.allocations)
        if allocated != fact.amount:
            yield 4, f"allocations of {allocated} for an amount of {fact.amount}"
    if data.balance != after.balance:
        yield 3, f"it says a balance of {data.balance}, the fold {after.balance}"


async def answers(connection: Connection) -> AsyncIterator[Finding]:
    """Yield the successes without an event, and the events that nobody, or two, were told of."""
    async for row in connection.cursor(ANSWERS, prefetch=2_000):
        if row["lost"]:
            detail = f"key {row['key']} was answered 201, its event is not in the log"
        elif row["key"] is None:
            detail = "no kept answer names this event"
        elif row["times"] != 1:
            detail = f"{row['times']} kept answers name this event"
        else:
            detail = f"key {row['key']} was told position {row['place']}"
        yield Finding(8, SERVICE, row["partition"], row["position"], row["stream"], detail)
