"""Holds and payments of online orders, for the service that takes orders: internal calls."""

from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from wallet_ledger import models
from wallet_ledger.answers import Answer, problem
from wallet_ledger.directory import Directory
from wallet_ledger.domain import ConfirmHold, PlaceHold, RefundPayment, ReleaseHold
from wallet_ledger.serving import serve
from web.idempotency import IdempotencyKey
from web.models import MemberId
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

api = router("/internal/wallets/{wallet_id}/holds")

ORDERS: Final = ("ordering", "kembalian")
"""Whose token moves a member's money for an order: the service that takes orders, and the command
`kembalian` of whoever operates the house. Other services have tokens too, for other calls."""

Service = Annotated[Principal, Depends(allow("service", subjects=ORDERS))]


@api.post("", status_code=201, include_in_schema=False)
async def place(
    request: Request,
    wallet_id: MemberId,
    body: models.HoldRequest,
    key: IdempotencyKey,
    service: Service,
) -> Response:
    """Set money aside for an order; its allocation is fixed now.

    Answers 201 `payment_id, state, amount, parts, expires_at, balance, available`; 409
    `insufficient-funds`, `already-exists`; 404 for no member; 403 `store-not-authorised`.
    """
    refusal = await _refusal_of(request.app.state.directory, wallet_id, body)
    parts = tuple((part.store_id, part.amount) for part in body.parts)
    command = PlaceHold(body.payment_id, body.order_id, parts, body.expires_in)
    return await serve(request, service, key, wallet_id, refusal or command)


@api.post("/{payment_id}/confirm", status_code=201, include_in_schema=False)
async def confirm(
    request: Request,
    wallet_id: MemberId,
    payment_id: models.PaymentId,
    body: models.ConfirmRequest,
    key: IdempotencyKey,
    service: Service,
) -> Response:
    """Debit what is held, all of it or the parts named, and let go of the rest.

    Answers 201 `payment_id, state, amount, parts, released, event_id(s)`; 404 for no such hold; 409
    `hold-expired`, `wrong-state`; 422 if more is asked than is held.
    """
    parts = None if body.parts is None else tuple((p.store_id, p.amount) for p in body.parts)
    return await serve(request, service, key, wallet_id, ConfirmHold(payment_id, parts))


@api.post("/{payment_id}/release", status_code=201, include_in_schema=False)
async def release(
    request: Request,
    wallet_id: MemberId,
    payment_id: models.PaymentId,
    key: IdempotencyKey,
    service: Service,
    _body: models.EmptyRequest | None = None,
) -> Response:
    """Let go of what is held, also when its time is over and nobody has noticed that yet.

    Answers 201; 404; 409 `hold-expired` once the lane has noted that, `wrong-state`.
    """
    return await serve(request, service, key, wallet_id, ReleaseHold(payment_id))


@api.post("/{payment_id}/refund", status_code=201, include_in_schema=False)
async def refund(
    request: Request,
    wallet_id: MemberId,
    payment_id: models.PaymentId,
    body: models.RefundRequest,
    key: IdempotencyKey,
    service: Service,
) -> Response:
    """Bring money of one store's part back to the buckets that it came from.

    Answers 201 `allocations`; 404; 409 `wrong-state` with `refundable` if it is more than is left.
    """
    command = RefundPayment(payment_id, body.store_id, body.amount)
    return await serve(request, service, key, wallet_id, command)


@api.get("/{payment_id}", include_in_schema=False)
async def payment(
    request: Request, wallet_id: MemberId, payment_id: models.PaymentId, _: Service
) -> dict[str, Any]:
    """Return a hold and what became of it: for a caller who does not know how a call ended."""
    found = await request.app.state.records.payment(wallet_id, payment_id)
    if found is None:
        raise Problem("not-found")
    return found


async def _refusal_of(
    directory: Directory, wallet_id: str, body: models.HoldRequest
) -> Answer | None:
    """Return what refuses a new hold without a look at the wallet. Raises Problem 503."""
    if not await directory.member_exists(wallet_id):
        return problem("not-found")
    states = await directory.store_states({part.store_id for part in body.parts})
    if any(states.get(part.store_id) != "active" for part in body.parts):
        return problem("store-not-authorised")
    return None
