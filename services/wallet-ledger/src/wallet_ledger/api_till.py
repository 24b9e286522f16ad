"""The four calls of a till. The store and the cashier are the token's, never the body's."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Cause
from wallet_ledger import models
from wallet_ledger.config import Settings
from wallet_ledger.directory import CardHolder, Directory
from wallet_ledger.domain import CashOut, Command, RecordSale, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from web.idempotency import IdempotencyKey, fingerprint
from web.problems import Problem, invalid
from web.route import router
from web.tokens import Principal, allow

api = router("/api/v1/pos")

Cashier = Annotated[Principal, Depends(allow("cashier"))]
Build = Callable[[Till, CardHolder], Command]

TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def answers(model: type[models.Settled]) -> dict[int | str, dict[str, Any]]:
    """Return what the API document says of a success; the bytes themselves are kept ones."""
    return {201: {"model": model, "description": "Done, or done before (Idempotent-Replayed)"}}


@api.post("/change", status_code=201, responses=answers(models.ChangeAnswer))
async def change(
    request: Request, body: models.ChangeRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Save the change of a sale on the card, or record that it was handed back in cash."""
    if body.tendered < body.sale_total:
        raise invalid("tendered", "must cover sale_total")
    below = _settings(request).auto_save_below

    def build(till: Till, holder: CardHolder) -> Command:
        consented = holder.auto_save_consent
        return RecordSale(till, body.sale_total, body.tendered, body.save, consented, below)

    return await _serve(request, cashier, key, body.card_number, build)


@api.post("/redemptions", status_code=201, responses=answers(models.RedemptionAnswer))
async def redeem(
    request: Request, body: models.RedemptionRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Pay with the card: this store's own bucket first, then the largest."""
    _ask_pin(request, body.amount)
    return await _serve(
        request, cashier, key, body.card_number, lambda till, _: Redeem(till, body.amount)
    )


@api.post("/topups", status_code=201, responses=answers(models.AmountAnswer))
async def top_up(
    request: Request, body: models.TopUpRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Take cash and put it on the card; this store then holds it."""
    return await _serve(
        request, cashier, key, body.card_number, lambda till, _: TopUpWithCash(till, body.amount)
    )


@api.post("/cashouts", status_code=201, responses=answers(models.AmountAnswer))
async def cash_out(
    request: Request, body: models.CashOutRequest, key: IdempotencyKey, cashier: Cashier
) -> Response:
    """Hand out in cash what this store itself holds."""
    _ask_pin(request, body.amount)
    return await _serve(
        request, cashier, key, body.card_number, lambda till, _: CashOut(till, body.amount)
    )


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _ask_pin(request: Request, amount: int) -> None:
    """Refuse what needs a PIN: members have none yet, so over the limit nothing is paid out."""
    if amount > _settings(request).pin_above:
        raise Problem("pin-required")


async def _serve(
    request: Request, cashier: Principal, key: str, card_number: str, build: Build
) -> Response:
    directory: Directory = request.app.state.directory
    ledger: Ledger = request.app.state.ledger
    store_id = cashier.store_id or ""
    holder, state = await directory.card_and_store(card_number, store_id)
    if state != "active":
        raise Problem("store-not-authorised")
    till = Till(card_number, store_id, cashier.subject)
    order = Order(
        caller=cashier.caller,
        key=key,
        fingerprint=fingerprint(request.method, request.url.path, await request.json()),
        wallet_id=f"card:{card_number}" if holder is None else holder.wallet_id,
        command=None if holder is None else build(till, holder),
        cause=cause_of(request),
    )
    return await ledger.serve(request, order)


def cause_of(request: Request) -> Cause:
    """Return what the event will say of its origin: the request's id and trace."""
    request_id = request.headers.get("x-request-id", "")
    trace = request.headers.get("traceparent", "")
    correlation = request_id if REQUEST_ID.fullmatch(request_id) else uuid4().hex
    return Cause(correlation, traceparent=trace if TRACEPARENT.fullmatch(trace) else None)
