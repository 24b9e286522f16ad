"""Events that add money, nearly all of a ledger: the wallet after one, if all of it is right."""

from typing import Final

from events.contracts import lean
from wallet_ledger.domain import Wallet

CREDITS: Final = (lean.TopUp, lean.ChangeSaved)

LEGS: Final = 2
"""The double entry of a credit: the issuer owes the member more, and there is more in the till."""


def credited(before: Wallet, wallet_id: str, data: lean.TopUp | lean.ChangeSaved) -> Wallet | None:
    """Return the wallet after an event, None where anything in it is not what the rules make of it.

    The rules' own fold, postings and `audit.faults` in one step, which says nothing of what is
    wrong: that is for them, and so is a bucket that was below 0 and comes up to it. A test holds
    both against each other.
    """
    issuer, amount, said = data.issuer, data.amount, data.postings
    buckets = {**before.buckets}
    buckets[issuer] = buckets.get(issuer, 0) + amount
    if len(said) != LEGS:
        return None
    owed, cash = said
    right = (
        owed.amount == amount
        and cash.amount == -amount
        and owed.account == f"wallet:{wallet_id}:{issuer}"
        and cash.account == f"store:{data.store_id}:cash"
        and data.balance == sum(buckets.values())
        and min(buckets.values()) > 0
    )
    if not right:
        return None
    return Wallet(buckets, before.version + 1, before.payments, before.reversals)
