"""The events of which nearly all of a history consists, in a form that is decoded quickly.

Three of a wallet, and that a member exists. The contracts (wallet.py, identity.py) are the
authority. What is taken here is taken there and says the same; a test holds both against each
other. Whatever is refused here, a newer field or a wrong value, is for the contract to judge: a
refusal means "not by this way", never "not valid".
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

Amount: TypeAlias = Annotated[int, Meta(gt=0, le=1_000_000_000_000)]
NonNegative: TypeAlias = Annotated[int, Meta(ge=0)]
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
Attribute: TypeAlias = Annotated[str, Meta(min_length=1)]


class Posting(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One leg of a double entry: rupiah credited to `account` (negative = debited)."""

    account: Id
    amount: int


class Allocation(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How much of a spending came out of the bucket that `issuer` holds, in rupiah."""

    issuer: Id
    amount: Amount


class TillEvent(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """What every event of a till carries; none of them can be part of a cycle."""

    wallet_id: Id
    balance: NonNegative
    postings: tuple[Posting, ...]
    card_number: Id
    store_id: Id
    cashier_id: Id


class TopUp(TillEvent, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """Cash paid in at a till: `issuer` holds `amount` more of the member's money."""

    issuer: Id
    amount: Amount


class ChangeSaved(TillEvent, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """Change kept on the card."""

    issuer: Id
    amount: Amount
    sale_total: Amount
    tendered: Amount
    cash_returned: NonNegative


class ChangeRedeemed(TillEvent, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The member paid `amount` at `store_id`, out of the buckets that `allocations` name."""

    amount: Amount
    allocations: tuple[Allocation, ...]


LeanEvent: TypeAlias = TopUp | ChangeSaved | ChangeRedeemed
"""Those of a wallet."""


class MemberRegistered(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A member exists, with the card that stands for the wallet of the same id."""

    member_id: Id
    card_number: Id
    auto_save_consent: bool


AnyLeanEvent: TypeAlias = LeanEvent | MemberRegistered


class LeanEnvelope(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The attributes of an envelope, by the names that `events.envelope.Opened` gives them.

    One with an extension that is not named here is refused.
    """

    specversion: Literal["1.0"]
    event_id: Attribute = field(name="id")
    source: Attribute
    stream: Attribute = field(name="subject")
    time: Attribute
    dataschema: Attribute
    datacontenttype: Literal["application/json"]
    partitionkey: Attribute
    version: Annotated[int, Meta(ge=1)] = field(name="aggversion")
    correlationid: Attribute
    causationid: Attribute | None = None
    traceparent: Attribute | None = None


class TopUpEnvelope(LeanEnvelope, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The envelope of a TopUp."""

    type: Literal["kembalian.wallet.TopUp.v1"]
    data: TopUp


class ChangeSavedEnvelope(
    LeanEnvelope, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True
):
    """The envelope of a ChangeSaved."""

    type: Literal["kembalian.wallet.ChangeSaved.v1"]
    data: ChangeSaved


class ChangeRedeemedEnvelope(
    LeanEnvelope, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True
):
    """The envelope of a ChangeRedeemed."""

    type: Literal["kembalian.wallet.ChangeRedeemed.v1"]
    data: ChangeRedeemed


class MemberRegisteredEnvelope(
    LeanEnvelope, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True
):
    """The envelope of a MemberRegistered."""

    type: Literal["kembalian.identity.MemberRegistered.v1"]
    data: MemberRegistered


AnyLeanEnvelope: TypeAlias = (
    TopUpEnvelope | ChangeSavedEnvelope | ChangeRedeemedEnvelope | MemberRegisteredEnvelope
)
