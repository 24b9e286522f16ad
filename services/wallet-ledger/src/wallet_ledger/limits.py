"""What no event may exceed (invariant 4): its own amount, what was held, what was paid: pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from events.contracts import PublicEvent
from events.contracts import wallet as contract
from events.contracts.lean import AnyLeanEvent
from wallet_ledger import domain
from wallet_ledger.domain import Allocation, Part, Wallet


def beyond(fact: domain.Event, before: Wallet, said: PublicEvent | AnyLeanEvent) -> Iterator[str]:
    """Yield what an event takes or gives back beyond what it may, given the wallet before it.

    `said` is the same event in public: the domain's form derives some sums anew.
    """
    match fact:
        case domain.ChangeRedeemed(_, amount, parts) | domain.CashedOut(_, amount, parts):
            yield from _allocated(amount, parts)
        case domain.PaymentHeld():
            yield from _held(fact, before, said)
        case domain.PaymentDebited(payment_id, _, store_id, amount, parts):
            yield from _allocated(amount, parts)
            known = before.payments.get(payment_id)
            left = _of(store_id, known.held if known else ())
            yield from _within(parts, left, f"debits of {payment_id} at {store_id}", "held")
        case domain.PaymentRefunded(payment_id, _, store_id, amount, parts):
            yield from _allocated(amount, parts)
            known = before.payments.get(payment_id)
            left = _of(store_id, known.paid if known else ())
            yield from _within(parts, left, f"refunds of {payment_id} at {store_id}", "paid")
        case domain.PaymentHoldReleased(payment_id, _, amount, _):
            known = before.payments.get(payment_id)
            held = sum(part.amount for part in known.held) if known else 0
            if amount != held:
                yield f"releases {amount} of {payment_id}, of which {held} is held"
        case domain.EntryReversed(_, entry):
            if isinstance(said, contract.EntryReversed):
                yield from _allocated(said.amount, entry.allocations)
        case _:
            return


def _allocated(amount: int, allocations: Iterable[Allocation]) -> Iterator[str]:
    allocated = sum(allocation.amount for allocation in allocations)
    if allocated != amount:
        yield f"allocations of {allocated} for an amount of {amount}"


def _held(
    fact: domain.PaymentHeld, before: Wallet, said: PublicEvent | AnyLeanEvent
) -> Iterator[str]:
    for part in fact.parts:
        yield from _allocated(part.amount, part.allocations)
    if isinstance(said, contract.PaymentHeld) and said.amount != fact.amount:
        yield f"parts of {fact.amount} for an amount of {said.amount}"
    if fact.payment_id in before.payments:
        yield f"holds {fact.payment_id} a second time"
    aside = sum((_counted(part.allocations) for part in fact.parts), Counter[str]())
    for payment in before.payments.values():
        for part in payment.held:
            aside += _counted(part.allocations)
    for issuer, amount in aside.items():
        held = before.buckets.get(issuer, 0)
        if amount > held:
            yield f"sets {amount} aside of bucket {issuer}, which is {held}"


def _counted(allocations: Iterable[Allocation]) -> Counter[str]:
    return Counter({a.issuer: a.amount for a in allocations})


def _of(store_id: str, parts: Iterable[Part]) -> Counter[str]:
    mine = (_counted(part.allocations) for part in parts if part.store_id == store_id)
    return sum(mine, Counter[str]())


def _within(
    allocations: Iterable[Allocation], left: Counter[str], what: str, state: str
) -> Iterator[str]:
    for issuer, amount in _counted(allocations).items():
        if amount > left[issuer]:
            yield f"{what}: {amount} of {issuer}'s money, of which {left[issuer]} is {state}"
