"""Deciding a group of commands against the wallets in memory: pure, before anything is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.envelope import Cause
from events.log import NewEvent
from events.outcomes import Outcome
from events.place import Place
from wallet_ledger import domain
from wallet_ledger.answers import KEPT, Answer, KeyReused, UnknownCard, accepted, refused
from wallet_ledger.publish import seal


@dataclass(frozen=True, slots=True)
class Order:
    """One command with its idempotency key. Without `command` the card is known to nobody.

    `wallet_id` names the stream; for an unknown card it only chooses the partition.
    """

    caller: str
    key: str
    fingerprint: bytes
    wallet_id: str
    command: domain.Command | None
    cause: Cause


@dataclass(slots=True)
class Decision:
    """What a group comes to: rows to write, and each order's answer, in order."""

    events: list[NewEvent] = field(default_factory=list[NewEvent])
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    wallets: dict[str, domain.Wallet] = field(default_factory=dict[str, domain.Wallet])
    answers: list[Answer] = field(default_factory=list[Answer])

    def buckets(self) -> list[tuple[str, str, int]]:
        """Return (wallet id, issuer, rupiah) of every bucket of the wallets that changed."""
        return [
            (wallet_id, issuer, balance)
            for wallet_id, wallet in self.wallets.items()
            for issuer, balance in wallet.buckets.items()
        ]


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a group is decided: the partition, its last position, the clock, new ids."""

    partition: int
    position: int
    now: datetime
    new_id: Callable[[], UUID]


def decide_group(
    orders: Sequence[Order],
    wallets: Mapping[str, domain.Wallet],
    earlier: Mapping[tuple[str, str], Outcome],
    moment: Moment,
) -> Decision:
    """Decide `orders` one after the other, each against what those before it left.

    `wallets` holds every wallet that is named, `earlier` the kept outcomes of their keys. A repeat
    gets the first answer, also of an order in the same group.
    """
    decision = Decision()
    known = dict(earlier)
    for order in orders:
        slot = (order.caller, order.key)
        first = known.get(slot)
        if first is not None:
            decision.answers.append(_repeat(first, order))
            continue
        answer = _decide_one(order, wallets, decision, moment)
        decision.answers.append(answer)
        if answer.status in KEPT:
            known[slot] = Outcome(*slot, order.fingerprint, answer.status, answer.body)
            decision.outcomes.append(known[slot])
    return decision


def _repeat(first: Outcome, order: Order) -> Answer:
    if first.fingerprint != order.fingerprint:
        return refused(KeyReused(order.key))
    return Answer(first.status, first.answer, replayed=True)


def _decide_one(
    order: Order, wallets: Mapping[str, domain.Wallet], decision: Decision, moment: Moment
) -> Answer:
    if order.command is None:
        return refused(UnknownCard())
    wallet = decision.wallets.get(order.wallet_id) or wallets[order.wallet_id]
    try:
        (event,) = domain.decide(wallet, order.command)
    except domain.Rejected as rejection:
        return refused(rejection)
    after = domain.evolve(wallet, event)
    event_id = moment.new_id()
    decision.events.append(
        seal(order.wallet_id, event, after, event_id=event_id, time=moment.now, cause=order.cause)
    )
    decision.wallets[order.wallet_id] = after
    position = moment.position + len(decision.events)
    return accepted(event_id, event, after, str(Place.of({moment.partition: position})))
