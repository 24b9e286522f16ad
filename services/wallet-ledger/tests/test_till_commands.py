"""What a till asks for is a command, or a refusal that needs no look at the wallet."""

import json

import pytest

from wallet_ledger.answers import Answer
from wallet_ledger.domain import RecordSale, Till, TopUpWithCash
from wallet_ledger.models import ChangeRequest, RedemptionRequest, TopUpRequest
from wallet_ledger.owners import CardHolder
from wallet_ledger.till_commands import Limits, Request, asked_of

LIMITS = Limits(auto_save_below=500, pin_above=100_000)
TILL = Till("1000", "kantin", "kasir-1")
HOLDER = CardHolder("w", auto_save_consent=True)
TOP_UP = TopUpRequest(card_number="1000", amount=5)
SALE = ChangeRequest(card_number="1000", sale_total=9, tendered=10)
TOO_LITTLE = ChangeRequest(card_number="1000", sale_total=10, tendered=9)
TOO_MUCH = RedemptionRequest(card_number="1000", amount=100_001)


@pytest.mark.parametrize(
    ("body", "state", "holder", "status", "slug"),
    [
        (TOP_UP, "active", None, 404, "unknown-card"),
        (TOP_UP, "suspended", HOLDER, 403, "store-not-authorised"),
        (TOP_UP, None, HOLDER, 403, "store-not-authorised"),
        (TOP_UP, None, None, 403, "store-not-authorised"),
        (TOO_MUCH, "active", HOLDER, 403, "pin-required"),
        (TOO_MUCH, None, None, 403, "pin-required"),
        (TOO_LITTLE, "active", HOLDER, 422, "invalid-request"),
        (TOO_LITTLE, None, None, 422, "invalid-request"),
    ],
)
def test_what_is_refused_is_refused_in_this_order(
    body: Request, state: str | None, holder: CardHolder | None, status: int, slug: str
) -> None:
    asked = asked_of(body, TILL, state, holder, LIMITS)

    assert isinstance(asked, Answer)
    assert asked.status == status
    assert json.loads(asked.body)["type"] == f"/problems/{slug}"


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (TOP_UP, TopUpWithCash(TILL, 5)),
        (SALE, RecordSale(TILL, 9, 10, False, True, 500)),
    ],
)
def test_what_is_not_refused_is_a_command(body: Request, command: object) -> None:
    assert asked_of(body, TILL, "active", HOLDER, LIMITS) == command
