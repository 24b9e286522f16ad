"""From what a till sent to the command: one place for the single calls and the batch."""

from dataclasses import dataclass

from wallet_ledger import models, plain_batch
from wallet_ledger.answers import Answer, UnknownCard, problem, refused
from wallet_ledger.domain import (
    CashOut,
    RecordSale,
    Redeem,
    TenderedTooLittle,
    Till,
    TillCommand,
    TopUpWithCash,
)
from wallet_ledger.owners import CardHolder


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say, rupiah."""

    auto_save_below: int
    pin_above: int


Request = (
    models.ChangeRequest
    | models.RedemptionRequest
    | models.TopUpRequest
    | models.CashOutRequest
    | plain_batch.PlainEntry
)


def asked_of(
    body: Request, till: Till, state: str | None, holder: CardHolder | None, limits: Limits
) -> TillCommand | Answer:
    """Return what a request asks for, or what refuses it without a look at the wallet.

    `state` is the store's, None if nobody knows the store, as with the `holder` of the card.
    """
    refusal = _refusal(body, state, limits)
    if refusal is not None:
        return refusal
    return refused(UnknownCard()) if holder is None else _command(body, till, holder, limits)


def _refusal(body: Request, state: str | None, limits: Limits) -> Answer | None:
    """Return what a limit or the store's state refuses.

    Members have no PIN yet: over the limit nothing is paid with the card, or paid out.
    """
    match body:
        case models.ChangeRequest() | plain_batch.Change():
            if body.tendered < body.sale_total:
                return refused(TenderedTooLittle())
        case models.TopUpRequest() | plain_batch.TopUp():
            pass
        case (
            models.RedemptionRequest()
            | plain_batch.Redemption()
            | models.CashOutRequest()
            | plain_batch.CashOut()
        ):
            if body.amount > limits.pin_above:
                return problem("pin-required")
    return None if state == "active" else problem("store-not-authorised")


def _command(body: Request, till: Till, holder: CardHolder, limits: Limits) -> TillCommand:
    match body:
        case models.ChangeRequest() | plain_batch.Change():
            return RecordSale(
                till,
                body.sale_total,
                body.tendered,
                body.save is True,
                holder.auto_save_consent,
                limits.auto_save_below,
            )
        case models.RedemptionRequest() | plain_batch.Redemption():
            return Redeem(till, body.amount)
        case models.TopUpRequest() | plain_batch.TopUp():
            return TopUpWithCash(till, body.amount)
        case models.CashOutRequest() | plain_batch.CashOut():
            return CashOut(till, body.amount)
