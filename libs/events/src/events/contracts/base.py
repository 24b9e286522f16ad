"""What all public events share: frozen, strict, closed; money is whole rupiah."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[int, Field(strict=True, gt=0, le=1_000_000_000_000)]
"""Rupiah that change hands: a positive whole number."""

NonNegative = Annotated[int, Field(strict=True, ge=0)]
"""Rupiah that may be nothing: a balance, the cash handed back."""

Id = Annotated[str, Field(min_length=1, max_length=255)]
"""An identifier: a store, wallet, card or cashier."""


class PublicEvent(BaseModel):
    """Base of every contract. An unknown field is refused: a reader that guesses loses money."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Posting(BaseModel):
    """One leg of a double entry: rupiah credited to `account` (negative = debited)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    account: Id
    amount: int


class Allocation(BaseModel):
    """How much of a spending came out of the bucket that `issuer` holds, in rupiah."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    issuer: Id
    amount: Amount


Postings = Annotated[tuple[Posting, ...], Field(strict=False)]
"""The double entry of an event (a JSON array is taken for the tuple); the amounts sum to 0."""

Allocations = Annotated[tuple[Allocation, ...], Field(strict=False)]
"""Whose money was spent, in the order in which the buckets were emptied."""
