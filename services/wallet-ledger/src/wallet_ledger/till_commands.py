"""From what a till sent to the command: one place for the single calls and the batch."""

from dataclasses import dataclass

from wallet_ledger import models, plain_batch
from wallet_ledger.directory import CardHolder
from wallet_ledger.domain import (
    CashOut,
    RecordSale,
    Redeem,
    TenderedTooLittle,
    Till,
    TillCommand,
    TopUpWithCash,
)


class PinNeeded(Exception):
    """Members have no PIN yet: over the limit nothing is paid with the card, or paid out."""


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


def check(body: Request, limits: Limits) -> None:
    """Refuse what needs no look at the wallet. Raises PinNeeded, TenderedTooLittle."""
    match body:
        case models.ChangeRequest() | plain_batch.Change():
            if body.tendered < body.sale_total:
                raise TenderedTooLittle(f"{body.tendered=} {body.sale_total=}")
        case models.TopUpRequest() | plain_batch.TopUp():
            return
        case (
            models.RedemptionRequest()
            | plain_batch.Redemption()
            | models.CashOutRequest()
            | plain_batch.CashOut()
        ):
            if body.amount > limits.pin_above:
                raise PinNeeded


def command_of(body: Request, till: Till, holder: CardHolder, limits: Limits) -> TillCommand:
    """Return the command of a request that `check` let pass."""
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
