"""The four calls of a till. The store and the cashier are the token's, never the body's.

Plain requests are answered by `till_shortcut`; these routes are the contract, and take all others:
what is wrong, what is unusual, and what another process must answer.
"""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from wallet_ledger import models
from wallet_ledger.directory import Directory
from wallet_ledger.domain import Till
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from wallet_ledger.serving import cause_of
from wallet_ledger.till_commands import Limits, asked_of
from wallet_ledger.till_commands import Request as TillRequest
from web.idempotency import IdempotencyKey, fingerprint
from web.route import router
from web.tokens import Principal, allow

PREFIX = "/api/v1/pos"

api = router(PREFIX)

Cashier = Annotated[Principal, Depends(allow("cashier"))]


def answers(model: type[models.Settled]) -> dict[int | str, dict[str, Any]]:
    """Return what the API document says of a success; the bytes themselves are kept ones."""
    return {201: {"model": model, "description": "Done, or done before (Idempotent-Replayed)"}}


@api.post("/change", status_code=201, responses=answers(models.ChangeAnswer))
async def change(
    request: Request, body: models.ChangeRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Save the change of a sale on the card, or record that it was handed back in cash."""
    return await _serve(request, body, key, cashier)


@api.post("/redemptions", status_code=201, responses=answers(models.RedemptionAnswer))
async def redeem(
    request: Request, body: models.RedemptionRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Pay with the card: this store's own bucket first, then the largest."""
    return await _serve(request, body, key, cashier)


@api.post("/topups", status_code=201, responses=answers(models.AmountAnswer))
async def top_up(
    request: Request, body: models.TopUpRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Take cash and put it on the card; this store then holds it."""
    return await _serve(request, body, key, cashier)


@api.post("/cashouts", status_code=201, responses=answers(models.AmountAnswer))
async def cash_out(
    request: Request, body: models.CashOutRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Hand out in cash what this store itself holds."""
    return await _serve(request, body, key, cashier)


async def _serve(request: Request, body: TillRequest, key: str, cashier: Principal) -> Response:
    limits: Limits = request.app.state.limits
    directory: Directory = request.app.state.directory
    ledger: Ledger = request.app.state.ledger
    store_id = cashier.store_id or ""
    holder, state = await directory.card_and_store(body.card_number, store_id)
    till = Till(body.card_number, store_id, cashier.subject)
    headers = request.headers
    order = Order(
        caller=cashier.caller,
        key=key,
        fingerprint=fingerprint(request.method, request.url.path, await request.json()),
        wallet_id=f"card:{body.card_number}" if holder is None else holder.wallet_id,
        asked=asked_of(body, till, state, holder, limits),
        cause=cause_of(headers.get("x-request-id", ""), headers.get("traceparent", "")),
    )
    return await ledger.serve(request, order)
