"""Result or refusal to status and bytes: pure, before the commit, since the answer is kept."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wallet_ledger import domain
from web.problems import problem_bytes, status_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets: `replayed` when it repeats what was answered before."""

    status: int
    body: bytes
    replayed: bool = False


class UnknownCard(domain.Rejected):
    """No member has this card."""


class KeyReused(domain.Rejected):
    """The caller has used this key for another body or path."""


KEPT = frozenset({201, 404, 409})
"""Statuses that are kept for ever: successes and business refusals."""


def rendered(body: dict[str, Any]) -> bytes:
    """Return the JSON bytes of an answer."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def accepted(
    event_id: UUID, event: domain.Event, wallet: domain.Wallet, ledger_position: str
) -> Answer:
    """Return the 201 of one event; `wallet` is the state after it, amounts in rupiah."""
    state = {
        "balance": wallet.balance,
        "available": wallet.balance,
        "ledger_position": ledger_position,
    }
    return Answer(201, rendered({"event_id": str(event_id), **_what_happened(event), **state}))


def _what_happened(event: domain.Event) -> dict[str, Any]:
    match event:
        case domain.ChangeSaved():
            change = event.amount + event.cash_returned
            return {"change": change, "saved": event.amount, "cash_returned": event.cash_returned}
        case domain.SaleRecorded():
            change = event.cash_returned
            return {"change": change, "saved": 0, "cash_returned": change}
        case domain.TopUp() | domain.CashedOut():
            return {"amount": event.amount}
        case domain.ChangeRedeemed():
            spent = [{"issuer": a.issuer, "amount": a.amount} for a in event.allocations]
            return {"amount": event.amount, "allocations": spent}


def refused(rejection: domain.Rejected) -> Answer:
    """Return the problem that says why a command was refused."""
    match rejection:
        case domain.InsufficientFunds():
            figures = {"available": rejection.available, "shortfall": rejection.shortfall}
            return _problem("insufficient-funds", **figures)
        case UnknownCard():
            return _problem("unknown-card")
        case KeyReused():
            return _problem("idempotency-key-reused")
        case domain.BalanceTooLarge():
            error = {"field": rejection.field, "message": "is more than one wallet may hold"}
            return _problem("invalid-request", errors=[error])
        case domain.TenderedTooLittle():
            error = {"field": "tendered", "message": "must cover sale_total"}
            return _problem("invalid-request", errors=[error])
        case _:
            raise rejection


def _problem(slug: str, **members: Any) -> Answer:
    return Answer(status_of(slug), problem_bytes(slug, **members))
