"""Deciding a group of commands against the wallets in memory: pure, before anything is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.envelope import Cause
from events.log import Appended, NewEvent
from events.outcomes import Outcome
from wallet_ledger import domain
from wallet_ledger.answers import KEPT, Answer, KeyReused, accepted, refused
from wallet_ledger.publish import seal

Slot = tuple[str, str]
"""(caller, key) of a command."""


@dataclass(slots=True)
class Order:
    """What is asked under one idempotency key: a command, or the refusal that it has come to.

    What was refused without a look at the wallet comes to the writer too: it is told only if the
    key is new. `wallet_id` names the stream; where nobody knows the wallet it only chooses the
    partition.
    """

    caller: str
    key: str
    fingerprint: bytes
    wallet_id: str
    asked: domain.Command | Answer
    cause: Cause

    @property
    def slot(self) -> Slot:
        """Whose key it is."""
        return (self.caller, self.key)


@dataclass(slots=True)
class Named:
    """What commands name by id: (wallet id, payment id), (wallet id, reversal or entry id)."""

    payments: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    reversals: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(slots=True)
class Decision:
    """What a group comes to: rows to write, and each order's answer, in order.

    `wallets` are those that changed, as they are after the group; `touched` the (wallet id, id) of
    payments and reversals that moved. `unkept` counts the answers that are neither kept nor
    repeats: whether their keys were used before must be known. `appended` is what the database
    settled, None = nothing was written.
    """

    events: list[NewEvent] = field(default_factory=list[NewEvent])
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    wallets: dict[str, domain.Wallet] = field(default_factory=dict[str, domain.Wallet])
    answers: list[Answer] = field(default_factory=list[Answer])
    touched: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    unkept: int = 0
    appended: Appended | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a group is decided: the partition, its last position, the clock, new ids.

    `now` is the database's clock where a command of the group depends on it, else our own.
    """

    partition: int
    position: int
    now: datetime
    new_id: Callable[[], UUID]
    time: str
    """`now` as events name it."""


def decide_group(
    orders: Sequence[Order],
    wallets: Mapping[str, domain.Wallet],
    earlier: Mapping[Slot, Outcome],
    moment: Moment,
) -> Decision:
    """Decide `orders` one after the other, each against what those before it left.

    `wallets` holds every wallet that is named, `earlier` the kept outcomes of their keys. A repeat
    gets the first answer, also of an order in the same group.
    """
    decision = Decision()
    known = dict(earlier)
    for order in orders:
        slot = order.slot
        first = known.get(slot)
        if first is not None:
            decision.answers.append(_repeat(first, order))
            continue
        answer = _decide_one(order, wallets, decision, moment)
        decision.answers.append(answer)
        if answer.status in KEPT:
            known[slot] = Outcome(*slot, order.fingerprint, answer.status, answer.body)
            decision.outcomes.append(known[slot])
        else:
            decision.unkept += 1
    return decision


def _repeat(first: Outcome, order: Order) -> Answer:
    if first.fingerprint != order.fingerprint:
        return refused(KeyReused(order.key))
    return Answer(first.status, first.answer, replayed=True)


def _decide_one(
    order: Order, wallets: Mapping[str, domain.Wallet], decision: Decision, moment: Moment
) -> Answer:
    asked = order.asked
    if isinstance(asked, Answer):
        return asked
    wallet = decision.wallets.get(order.wallet_id) or wallets[order.wallet_id]
    try:
        events = domain.decide(wallet, asked, moment.now)
    except domain.Rejected as rejection:
        return refused(rejection)
    event_ids: list[str] = []
    for event in events:
        wallet = domain.evolve(wallet, event)
        event_id = moment.new_id()
        event_ids.append(str(event_id))
        decision.events.append(
            seal(
                order.wallet_id,
                event,
                wallet,
                event_id=event_id,
                shown_id=event_ids[-1],
                time=moment.time,
                cause=order.cause,
            )
        )
        if not isinstance(event, domain.TillEvent):
            decision.touched.add((order.wallet_id, record_of(event)))
    decision.wallets[order.wallet_id] = wallet
    position = moment.position + len(decision.events)
    return accepted(event_ids, events, wallet, f"{moment.partition}-{position}")


def record_of(event: domain.PaymentEvent | domain.ReversalEvent) -> str:
    """Return the id of the payment or reversal that an event moves."""
    return event.payment_id if isinstance(event, domain.PaymentEvent) else event.reversal_id


def named_by(orders: Iterable[Order], wallets: Mapping[str, domain.Wallet]) -> Named:
    """Return the records that `orders` name and that `wallets` do not hold."""
    named = Named()
    for order in orders:
        asked = order.asked
        if isinstance(asked, Answer | domain.TillCommand):
            continue
        if isinstance(asked, domain.PaymentCommand):
            if asked.payment_id not in wallets[order.wallet_id].payments:
                named.payments.append((order.wallet_id, asked.payment_id))
        elif isinstance(asked, domain.RequestReversal):
            named.reversals.append((order.wallet_id, asked.entry.event_id))
        else:
            named.reversals.append((order.wallet_id, asked.reversal_id))
    return named


def settled(wallet: domain.Wallet) -> domain.Wallet:
    """Return what a writer keeps of a wallet: records that are settled are loaded when named."""
    if not wallet.payments and not wallet.reversals:
        return wallet
    still = {key: p for key, p in wallet.payments.items() if p.state == "held"}
    return domain.Wallet(wallet.buckets, wallet.version, still)
