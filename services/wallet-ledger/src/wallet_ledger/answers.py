"""Result or refusal to status and bytes: pure, before the commit, since the answer is kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from events.envelope import timestamp
from wallet_ledger import domain
from wallet_ledger.till_outcomes import TillOutcome, till_outcome
from web.problems import problem_bytes, status_of


class Answer(NamedTuple):  # made for every command, so it must be cheap
    """What the client gets: `replayed` when it repeats what was answered before."""

    status: int
    body: bytes
    replayed: bool = False


class UnknownCard(domain.Rejected):
    """No member has this card."""


class KeyReused(domain.Rejected):
    """The caller has used this key for another body or path."""


_ENCODER: Final = msgspec.json.Encoder()

KEPT = frozenset({201, 404, 409})
"""Statuses that are kept for ever: successes and business refusals."""


def rendered(body: dict[str, Any] | TillOutcome) -> bytes:
    """Return the JSON bytes of an answer."""
    return _ENCODER.encode(body)


def accepted(
    event_ids: Sequence[str],
    events: Sequence[domain.Event],
    wallet: domain.Wallet,
    ledger_position: str,
) -> Answer:
    """Return the 201 of what one command caused; `wallet` is the state after it, rupiah.

    Every event is named: `event_id`, or `event_ids` where a confirmation has several.
    """
    first, balance = events[0], wallet.balance
    left = (balance, wallet.available if wallet.payments else balance, ledger_position)
    if isinstance(first, domain.TillEvent):
        return Answer(201, rendered(till_outcome(event_ids[0], first, left)))
    body: dict[str, Any] = (
        {"event_id": event_ids[0]} if len(event_ids) == 1 else {"event_ids": event_ids}
    )
    body |= _what_happened(first, events)
    body |= zip(("balance", "available", "ledger_position"), left, strict=True)
    return Answer(201, rendered(body))


def _what_happened(
    first: domain.PaymentEvent | domain.ReversalEvent, events: Sequence[domain.Event]
) -> dict[str, Any]:
    if isinstance(first, domain.PaymentEvent):
        return _payment(first, events)
    return _reversal(first)


def _payment(first: domain.PaymentEvent, events: Sequence[domain.Event]) -> dict[str, Any]:
    match first:
        case domain.PaymentHeld():
            parts = [(p.store_id, p.amount, p.allocations) for p in first.parts]
            until = {"expires_at": timestamp(first.expires_at)}
            return {**_state(first, "held", first.amount), "parts": _parts(parts), **until}
        case domain.PaymentHoldReleased():
            return _state(first, first.reason, first.amount)
        case domain.PaymentDebited():
            return _confirmed(first, events)
        case domain.PaymentRefunded():
            ids = {"payment_id": first.payment_id, "store_id": first.store_id}
            return {**ids, "amount": first.amount, "allocations": _shown(first.allocations)}


def _confirmed(first: domain.PaymentDebited, events: Sequence[domain.Event]) -> dict[str, Any]:
    debited = [event for event in events if isinstance(event, domain.PaymentDebited)]
    released = sum(e.amount for e in events if isinstance(e, domain.PaymentHoldReleased))
    parts = [(e.store_id, e.amount, e.allocations) for e in debited]
    amount = sum(e.amount for e in debited)
    return {**_state(first, "debited", amount), "parts": _parts(parts), "released": released}


def _state(event: domain.PaymentEvent, state: str, amount: int) -> dict[str, Any]:
    return {"payment_id": event.payment_id, "state": state, "amount": amount}


def _reversal(event: domain.ReversalEvent) -> dict[str, Any]:
    match event:
        case domain.ReversalRequested(reversal_id, event_id):
            state, undone = "requested", {}
        case domain.ReversalRejected(reversal_id, event_id):
            state, undone = "rejected", {}
        case domain.EntryReversed(reversal_id, entry):
            state, event_id = "approved", entry.event_id
            undone = {"amount": entry.amount, "allocations": _shown(entry.allocations)}
    ids = {"reversal_id": reversal_id, "state": state, "reversed_event_id": event_id}
    return {**ids, **undone}


def _parts(
    parts: Iterable[tuple[str, int, Sequence[domain.Allocation]]],
) -> list[dict[str, Any]]:
    return [
        {"store_id": store_id, "amount": amount, "allocations": _shown(allocations)}
        for store_id, amount, allocations in parts
    ]


def _shown(allocations: Iterable[domain.Allocation]) -> list[dict[str, Any]]:
    return [{"issuer": a.issuer, "amount": a.amount} for a in allocations]


def refused(rejection: domain.Rejected) -> Answer:
    """Return the problem that says why a command was refused. Raises it if there is none."""
    say = REFUSALS.get(type(rejection))
    if say is None:
        raise rejection
    return say(rejection)


def _invalid(field: str, message: str) -> Answer:
    return problem("invalid-request", errors=[{"field": field, "message": message}])


def problem(slug: str, **members: Any) -> Answer:
    """Return the answer that a problem is."""
    return Answer(status_of(slug), problem_bytes(slug, **members))


REFUSALS: dict[type[domain.Rejected], Callable[[Any], Answer]] = {
    domain.InsufficientFunds: lambda r: problem(
        "insufficient-funds", available=r.available, shortfall=r.shortfall
    ),
    UnknownCard: lambda _: problem("unknown-card"),
    KeyReused: lambda _: problem("idempotency-key-reused"),
    domain.BalanceTooLarge: lambda r: _invalid(r.field, "is more than one wallet may hold"),
    domain.TenderedTooLittle: lambda _: _invalid("tendered", "must cover sale_total"),
    domain.PaymentTooLarge: lambda _: _invalid("parts", "come to more than one order may"),
    domain.NotDue: lambda _: problem("unavailable"),  # not kept: the next sweep asks again
    domain.NotHeld: lambda _: _invalid("parts", "ask more of a store than is held for it"),
    domain.UnknownPayment: lambda _: problem("not-found"),
    domain.UnknownReversal: lambda _: problem("not-found"),
    domain.PaymentExists: lambda _: problem("already-exists"),
    domain.HoldExpired: lambda _: problem("hold-expired"),
    domain.WrongState: lambda r: problem("wrong-state", state=r.state),
    domain.RefundTooLarge: lambda r: problem("wrong-state", refundable=r.refundable),
    domain.NotReversible: lambda _: problem("wrong-state"),
    domain.OwnRequest: lambda _: problem("forbidden"),
}
"""The one table of refusals."""
